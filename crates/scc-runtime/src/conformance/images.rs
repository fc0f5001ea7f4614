use super::Fixture;
use crate::{BuildProgress, ContextFile, EngineError, ImageBuild, SandboxRuntime, labels};

fn image<R: SandboxRuntime>(f: &Fixture<'_, R>, steps: &str) -> ImageBuild {
    let dockerfile = format!("ARG BASE\nFROM $BASE\n{steps}\n");
    let file = |path: &str, content: &str, executable| ContextFile {
        path: path.to_owned(),
        content: content.as_bytes().to_vec(),
        executable,
    };
    ImageBuild {
        reference: f.reference(),
        context: vec![
            file("Dockerfile", &dockerfile, false),
            file("bin/tool", "#!/bin/sh\necho tool\n", true),
        ],
        args: vec![("BASE".to_owned(), f.image.clone())],
        labels: vec![(labels::NAMESPACE.to_owned(), f.namespace.clone())],
    }
}

/// From a local image, with progress by step and line.
pub async fn images_are_built_and_named<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let build = image(f, "COPY bin/tool /usr/local/bin/tool\nRUN echo seen; tool");
    let mut events = Vec::new();
    f.runtime
        .build_image(&build, &mut |event| events.push(event))
        .await
        .unwrap();
    assert!(f.runtime.image_exists(&build.reference).await.unwrap());
    let step = |wanted: &str| {
        events.iter().any(|event| {
            matches!(event, BuildProgress::Step { instruction, .. } if instruction.starts_with(wanted))
        })
    };
    assert!(step("FROM") && step("COPY") && step("RUN"), "{events:?}");
    assert!(
        events.contains(&BuildProgress::Line("seen".to_owned())),
        "{events:?}"
    );
    let mut spec = f.shell("tool");
    spec.image = build.reference;
    assert_eq!(f.run(&spec, b"").await.stdout, "tool\n");
}

/// With what was printed, and no image of that name.
pub async fn a_failed_build_names_its_step<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let build = image(f, "RUN echo before; exit 7");
    let error = f
        .runtime
        .build_image(&build, &mut |_| ())
        .await
        .unwrap_err();
    let EngineError::BuildFailed {
        step, message, log, ..
    } = &error
    else {
        unreachable!("another failure: {error}")
    };
    assert_eq!(step, "RUN echo before; exit 7");
    assert!(message.contains('7'), "{message}");
    assert!(log.iter().any(|line| line == "before"), "{log:?}");
    assert!(!f.runtime.image_exists(&build.reference).await.unwrap());
}
