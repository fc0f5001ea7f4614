//! Which images a launch needs, and making those that are missing.
//!
//! An image's tag is a hash of everything it is built from: its files, its arguments, the
//! certificates, the guard, and the reference of the image below it. So an unchanged image is never
//! built again, and a changed one always is.

use std::collections::BTreeMap;
use std::time::Duration;

use scc_provider::{ImageFile, ImageFolder};
use scc_runtime::{ContextFile, ImageBuild, SandboxRuntime, UserIds, labels};
use sha2::{Digest, Sha256};

use crate::names::hex;
use crate::record::collector;
use crate::{Event, LaunchError, Launcher, Reporter};

/// What `scc-base` is built from when no other image is set.
pub const DEFAULT_BASE: &str = "debian:bookworm-slim";

const BASE_FOLDER: &[ImageFile] = &[
    ImageFile {
        path: "Dockerfile",
        content: include_bytes!("../../../images/scc-base/Dockerfile"),
        executable: false,
    },
    ImageFile {
        path: "npm-payload",
        content: include_bytes!("../../../images/scc-base/npm-payload"),
        executable: true,
    },
    ImageFile {
        path: "add-agent",
        content: include_bytes!("../../../images/scc-base/add-agent"),
        executable: true,
    },
];

const PROXY_FOLDER: &[ImageFile] = &[
    ImageFile {
        path: "Dockerfile",
        content: include_bytes!("../../../images/scc-egress-proxy/Dockerfile"),
        executable: false,
    },
    ImageFile {
        path: "errors/ERR_SCC_NOT_LISTED",
        content: include_bytes!("../../../images/scc-egress-proxy/errors/ERR_SCC_NOT_LISTED"),
        executable: false,
    },
    ImageFile {
        path: "errors/ERR_SCC_ADDRESS",
        content: include_bytes!("../../../images/scc-egress-proxy/errors/ERR_SCC_ADDRESS"),
        executable: false,
    },
    ImageFile {
        path: "errors/ERR_SCC_NEVER",
        content: include_bytes!("../../../images/scc-egress-proxy/errors/ERR_SCC_NEVER"),
        executable: false,
    },
    ImageFile {
        path: "errors/ERR_SCC_PORT",
        content: include_bytes!("../../../images/scc-egress-proxy/errors/ERR_SCC_PORT"),
        executable: false,
    },
];

/// Where the guard is in every image that has it.
pub(crate) const GUARD: &str = "/usr/local/lib/scc/guard";

const USER_FOLDER: &[ImageFile] = &[ImageFile {
    path: "Dockerfile",
    content: include_bytes!("../../../images/scc-user/Dockerfile"),
    executable: false,
}];

/// How often another scc's build of the same image is looked at.
const BUILD_POLL: Duration = Duration::from_millis(200);

/// The images of a launch, lowest first.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub struct ImagePlan {
    /// The agent's image.
    pub reference: String,
    /// The image below everything, which scc does not build.
    pub base: String,
    /// What is built where it is missing, in order.
    pub steps: Vec<ImageStep>,
}

/// The step that fetches the agent.
const PAYLOAD: usize = 1;

/// One image that scc builds.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub struct ImageStep {
    /// Name and content hash.
    pub reference: String,
    #[serde(skip)]
    build: ImageBuild,
}

/// Plans the images for an agent of this user, whose volume is at this path.
pub(crate) fn plan_images(
    base: &str,
    agent: &ImageFolder,
    (user, volume_path): (UserIds, &str),
    certificates: &BTreeMap<String, Vec<u8>>,
    npm_registry: Option<&str>,
) -> ImagePlan {
    let lowest = base_step(base, certificates);

    let mut args = vec![("BASE".to_owned(), lowest.reference.clone())];
    args.extend(agent.args.iter().cloned());
    let payload = step(agent.name, "", files(agent.files), args);

    let args = [
        ("BASE", payload.reference.clone()),
        ("AGENT_UID", user.uid.to_string()),
        ("AGENT_GID", user.gid.to_string()),
        ("AGENT_VOLUME", volume_path.to_owned()),
        ("COLLECTOR_UID", collector(user).uid.to_string()),
    ];
    let args = args.map(|(key, value)| (key.to_owned(), value)).into();
    let prefix = format!("u{}-", user.uid);
    let mut context = files(USER_FOLDER);
    context.push(guard());
    let sandbox = step(agent.name, &prefix, context, args);
    let mut plan = ImagePlan {
        reference: sandbox.reference.clone(),
        base: base.to_owned(),
        steps: vec![lowest, payload, sandbox],
    };
    plan.set_npm_registry(npm_registry);
    plan
}

/// Plans the images for the proxy of a sandbox.
pub(crate) fn plan_proxy_image(base: &str, certificates: &BTreeMap<String, Vec<u8>>) -> ImagePlan {
    let lowest = base_step(base, certificates);
    let mut context = files(PROXY_FOLDER);
    context.push(guard());
    let args = vec![("BASE".to_owned(), lowest.reference.clone())];
    let proxy = step("scc-egress-proxy", "", context, args);
    ImagePlan {
        reference: proxy.reference.clone(),
        base: base.to_owned(),
        steps: vec![lowest, proxy],
    }
}

/// What every image stands on.
fn base_step(base: &str, certificates: &BTreeMap<String, Vec<u8>>) -> ImageStep {
    let mut context = files(BASE_FOLDER);
    context.push(file("ca/.keep", b""));
    context.extend(
        certificates
            .iter()
            .map(|(name, pem)| file(&format!("ca/{name}"), pem)),
    );
    let args = vec![("BASE".to_owned(), base.to_owned())];
    step("scc-base", "", context, args)
}

fn guard() -> ContextFile {
    ContextFile {
        executable: true,
        ..file("guard", scc_guard_bin::GUARD)
    }
}

impl ImagePlan {
    /// Takes the agent's payload from this registry instead of npm's default. Where it comes from
    /// is not part of what it is, so the tags stay: its integrity is checked.
    pub(crate) fn set_npm_registry(&mut self, registry: Option<&str>) {
        if let (Some(registry), Some(step)) = (registry, self.steps.get_mut(PAYLOAD)) {
            step.build
                .args
                .push(("NPM_REGISTRY".to_owned(), registry.to_owned()));
        }
    }
}

fn files(folder: &[ImageFile]) -> Vec<ContextFile> {
    folder
        .iter()
        .map(|f| ContextFile {
            executable: f.executable,
            ..file(f.path, f.content)
        })
        .collect()
}

fn file(path: &str, content: &[u8]) -> ContextFile {
    ContextFile {
        path: path.to_owned(),
        content: content.to_owned(),
        executable: false,
    }
}

fn step(
    name: &str,
    tag_prefix: &str,
    context: Vec<ContextFile>,
    args: Vec<(String, String)>,
) -> ImageStep {
    let mut hash = Sha256::new();
    for file in &context {
        update(&mut hash, file.path.as_bytes());
        update(&mut hash, &file.content);
        hash.update([u8::from(file.executable)]);
    }
    for (key, value) in &args {
        update(&mut hash, key.as_bytes());
        update(&mut hash, value.as_bytes());
    }
    let reference = format!("{name}:{tag_prefix}{}", hex(&hash.finalize(), 8));
    let labels = vec![(labels::MANAGED.to_owned(), "true".to_owned())];
    ImageStep {
        build: ImageBuild {
            reference: reference.clone(),
            context,
            args,
            labels,
        },
        reference,
    }
}

/// Whether sandboxes on an engine of this platform (`linux/amd64`) can run the guard.
fn runs_guard(platform: &str) -> bool {
    let processor = match platform.strip_prefix("linux/") {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        Some(other) => other,
        None => return false,
    };
    processor == scc_guard_bin::ARCHITECTURE
}

/// Adds a field with its length, so that no two lists of fields have the same bytes.
fn update(hash: &mut Sha256, field: &[u8]) {
    hash.update((field.len() as u64).to_le_bytes());
    hash.update(field);
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Builds what is missing. Two scc that need the same image build it once.
    ///
    /// # Errors
    /// When the engine's machine cannot run the guard, or a build fails; the image's tag does not
    /// exist then.
    pub async fn ensure_images(
        &self,
        images: &ImagePlan,
        report: Reporter<'_>,
    ) -> Result<(), LaunchError> {
        let engine = &self.runtime.engine().platform;
        if !runs_guard(engine) {
            return Err(LaunchError::ForeignArchitecture {
                engine: engine.clone(),
                guard: scc_guard_bin::ARCHITECTURE,
            });
        }
        if self.runtime.image_exists(&images.reference).await? {
            return Ok(());
        }
        for step in &images.steps {
            self.ensure_image(step, report).await?;
        }
        Ok(())
    }

    async fn ensure_image(
        &self,
        step: &ImageStep,
        report: Reporter<'_>,
    ) -> Result<(), LaunchError> {
        let reference = &step.reference;
        if self.runtime.image_exists(reference).await? {
            return Ok(());
        }
        let key = format!("image-{}", reference.replace(':', "-"));
        let mut waiting = false;
        let _lock = loop {
            if let Some(lock) = self.state.try_launch_lock(&key)? {
                break lock;
            }
            if !std::mem::replace(&mut waiting, true) {
                report(Event::WaitingForImage {
                    reference: reference.clone(),
                });
            }
            tokio::time::sleep(BUILD_POLL).await;
        };
        if waiting && self.runtime.image_exists(reference).await? {
            return Ok(());
        }
        report(Event::ImageBuildStarted {
            reference: reference.clone(),
        });
        let mut progress = |p| report(Event::ImageBuildProgress(p));
        self.runtime.build_image(&step.build, &mut progress).await?;
        report(Event::ImageBuilt {
            reference: reference.clone(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &[ImageFile] = &[ImageFile {
        path: "Dockerfile",
        content: b"FROM x",
        executable: false,
    }];

    fn reference(base: &str, version: &str, uid: u32, ca: &[u8], registry: Option<&str>) -> String {
        let folder = ImageFolder {
            name: "scc-agent-x",
            files: FOLDER,
            args: vec![("VERSION".to_owned(), version.to_owned())],
        };
        let user = UserIds { uid, gid: 1 };
        let ca = BTreeMap::from([("a.crt".to_owned(), ca.to_owned())]);
        plan_images(base, &folder, (user, "/v"), &ca, registry).reference
    }

    #[test]
    fn another_processor_is_told_from_ours() {
        assert!(runs_guard(&format!(
            "linux/{}",
            scc_guard_bin::ARCHITECTURE
        )));
        assert!(runs_guard(&format!("linux/{}", std::env::consts::ARCH)));
        for platform in ["linux/riscv64", "windows/amd64", "linux/", ""] {
            assert!(!runs_guard(platform), "{platform}");
        }
    }

    #[test]
    fn the_tag_follows_the_content() {
        let first = reference("b", "1", 1, b"ca", None);
        assert!(first.starts_with("scc-agent-x:u1-"));
        assert_eq!(first, reference("b", "1", 1, b"ca", None));
        assert_eq!(first, reference("b", "1", 1, b"ca", Some("r")));
        for other in [
            reference("c", "1", 1, b"ca", None),
            reference("b", "2", 1, b"ca", None),
            reference("b", "1", 2, b"ca", None),
            reference("b", "1", 1, b"cb", None),
        ] {
            assert_ne!(first, other);
        }
    }
}
