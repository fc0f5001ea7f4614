//! Building images with the engine's classic builder, which every engine has without a plug-in.

use std::collections::{HashMap, VecDeque};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::BuildInfo;
use bollard::query_parameters::{
    BuildImageOptions, BuilderVersion, PruneImagesOptions, TagImageOptions,
};
use futures_util::StreamExt as _;

use super::archive::Archive;
use super::failure::{failed, is_disk_full, status};
use crate::{BuildProgress, EngineError, ImageBuild, labels};

/// How many of the last lines a failure comes with.
const KEPT_LINES: usize = 40;

pub(super) async fn image_exists(docker: &Docker, reference: &str) -> Result<bool, EngineError> {
    match docker.inspect_image(reference).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(false),
        Err(error) => Err(failed("looking for an image", "the image")(error)),
    }
}

pub(super) async fn build_image(
    docker: &Docker,
    build: &ImageBuild,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<(), EngineError> {
    let archive = bollard::body_full(context(build)?.into());
    let mut log = BuildLog::default();
    // Without a tag: a build that fails leaves nothing that could be taken for its result.
    let stream = docker.build_image(options(build), None, Some(archive));
    tokio::pin!(stream);
    while let Some(item) = stream.next().await {
        match item {
            Ok(info) => log.take(info, progress),
            Err(error) => return Err(log.fail(&build.reference, error)),
        }
    }
    log.end_line(progress);
    let Some(image) = log.image.take() else {
        let error = Error::DockerStreamError {
            error: "the build ended early".to_owned(),
        };
        return Err(log.fail(&build.reference, error));
    };
    tag(docker, &image, &build.reference).await?;
    remove_stages(docker).await;
    Ok(())
}

fn context(build: &ImageBuild) -> Result<Vec<u8>, EngineError> {
    let mut archive = Archive::new();
    for file in &build.context {
        let mode = if file.executable { 0o755 } else { 0o644 };
        archive.file(&file.path, &file.content, mode)?;
    }
    archive.finish()
}

fn options(build: &ImageBuild) -> BuildImageOptions {
    BuildImageOptions {
        dockerfile: "Dockerfile".to_owned(),
        version: BuilderVersion::BuilderV1,
        // Also when a step fails, so that nothing half-made stays.
        rm: true,
        forcerm: true,
        buildargs: Some(build.args.iter().cloned().collect()),
        labels: Some(build.labels.iter().cloned().collect()),
        ..BuildImageOptions::default()
    }
}

async fn tag(docker: &Docker, image: &str, reference: &str) -> Result<(), EngineError> {
    let (repository, tag) = split_reference(reference);
    let options = TagImageOptions {
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
    };
    docker
        .tag_image(image, Some(options))
        .await
        .map_err(failed("naming the built image", "the built image"))
}

/// A colon may also come before a registry's port, where a slash follows.
fn split_reference(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

/// What only served the build is tidied up; that it cannot be is no failure of the build.
async fn remove_stages(docker: &Docker) {
    let filters = HashMap::from([
        ("dangling".to_owned(), vec!["true".to_owned()]),
        ("label".to_owned(), vec![labels::STAGE.to_owned()]),
    ]);
    if let Err(error) = docker
        .prune_images(Some(PruneImagesOptions {
            filters: Some(filters),
        }))
        .await
    {
        tracing::debug!(%error, "stages of the build stay");
    }
}

/// What a build has printed so far.
#[derive(Debug, Default)]
struct BuildLog {
    /// A line whose end has not come yet.
    partial: String,
    last_lines: VecDeque<String>,
    step: Option<String>,
    image: Option<String>,
}

impl BuildLog {
    fn take(&mut self, info: BuildInfo, progress: &mut dyn FnMut(BuildProgress)) {
        if let Some(id) = info.aux.and_then(|aux| aux.id) {
            self.image = Some(id);
        }
        self.partial.push_str(&info.stream.unwrap_or_default());
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            self.line(line.trim_end(), progress);
        }
    }

    fn end_line(&mut self, progress: &mut dyn FnMut(BuildProgress)) {
        let line = std::mem::take(&mut self.partial);
        self.line(line.trim_end(), progress);
    }

    fn line(&mut self, line: &str, progress: &mut dyn FnMut(BuildProgress)) {
        if line.is_empty() {
            return;
        }
        // Podman's engine says it in words only.
        if let Some(id) = line.strip_prefix("Successfully built ") {
            self.image.get_or_insert_with(|| id.trim().to_owned());
        }
        if self.last_lines.len() == KEPT_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(line.to_owned());
        match step(line) {
            Some(BuildProgress::Step {
                number,
                total,
                instruction,
            }) => {
                self.step = Some(instruction.clone());
                progress(BuildProgress::Step {
                    number,
                    total,
                    instruction,
                });
            }
            _ => progress(BuildProgress::Line(line.to_owned())),
        }
    }

    fn fail(mut self, reference: &str, error: Error) -> EngineError {
        let action = format!("building the image `{reference}`");
        let message = match error {
            Error::DockerStreamError { error } => error,
            Error::DockerResponseServerError { message, .. } => message,
            other => return failed(&action, "the image")(other),
        };
        if is_disk_full(&message) {
            return EngineError::DiskFull { action };
        }
        self.end_line(&mut |_| ());
        EngineError::BuildFailed {
            reference: reference.to_owned(),
            step: self
                .step
                .unwrap_or_else(|| "reading the Dockerfile".to_owned()),
            message: message.trim_end().to_owned(),
            log: self.last_lines.into(),
        }
    }
}

/// `Step 3/9 : RUN x`.
fn step(line: &str) -> Option<BuildProgress> {
    let (count, instruction) = line
        .strip_prefix("Step ")
        .or_else(|| line.strip_prefix("STEP "))?
        .split_once(':')?;
    let (number, total) = count.trim().split_once('/')?;
    Some(BuildProgress::Step {
        number: number.parse().ok()?,
        total: total.parse().ok()?,
        instruction: instruction.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> BuildInfo {
        BuildInfo {
            stream: Some(text.to_owned()),
            ..BuildInfo::default()
        }
    }

    #[test]
    fn steps_are_told_from_lines() {
        let expected = BuildProgress::Step {
            number: 3,
            total: 9,
            instruction: "RUN a : b".to_owned(),
        };
        assert_eq!(step("Step 3/9 : RUN a : b"), Some(expected));
        assert!(step("STEP 1/2: FROM x").is_some());
        assert_eq!(step("Step by step"), None);
        assert_eq!(step("Step x/9 : RUN"), None);
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut log = BuildLog::default();
        let mut seen = Vec::new();
        let mut progress = |event| seen.push(event);
        log.take(info("Step 1/1 : FR"), &mut progress);
        log.take(info("OM x\n\none\r\ntw"), &mut progress);
        log.take(info("o"), &mut progress);
        log.end_line(&mut progress);
        let step = BuildProgress::Step {
            number: 1,
            total: 1,
            instruction: "FROM x".to_owned(),
        };
        let line = |text: &str| BuildProgress::Line(text.to_owned());
        assert_eq!(seen, [step, line("one"), line("two")]);
    }

    #[test]
    fn a_failure_names_its_step_and_the_last_lines() {
        let mut log = BuildLog::default();
        log.take(info("Step 1/2 : RUN false\n"), &mut |_| ());
        for number in 0..100 {
            log.take(info(&format!("line {number}\n")), &mut |_| ());
        }
        let error = Error::DockerStreamError {
            error: "it returned 1".to_owned(),
        };
        let EngineError::BuildFailed {
            step, log, message, ..
        } = log.fail("r:1", error)
        else {
            panic!("another error")
        };
        assert_eq!(
            (step.as_str(), message.as_str()),
            ("RUN false", "it returned 1")
        );
        assert_eq!((log.len(), log[39].as_str()), (KEPT_LINES, "line 99"));
    }

    #[test]
    fn references_are_split_at_the_tag() {
        assert_eq!(split_reference("a/b:1"), ("a/b", "1"));
        assert_eq!(split_reference("host:5000/b"), ("host:5000/b", "latest"));
    }
}
