use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Fixture, read_all, within};
use crate::{
    EngineError, ExecSpec, Mount, MountSource, OutputStream, SandboxRuntime, SandboxState, labels,
};

/// The second one to ask for a name does not get it.
pub async fn names_are_taken_once<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let spec = f.shell("true");
    f.runtime.create(&spec).await.unwrap();
    let error = f.runtime.create(&spec).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::NameTaken { name } if *name == spec.name),
        "{error}"
    );
}

/// In every state, newest first, and nobody else's.
pub async fn sandboxes_are_found_by_label<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let ours = [(labels::NAMESPACE, f.namespace.as_str())];
    let mut spec = f.shell("exit 5");
    spec.labels
        .insert(labels::SESSION.to_owned(), "one".to_owned());
    let first = f.runtime.create(&spec).await.unwrap();
    let sleeper = f.sleeper().await;
    let found = f.runtime.list(&ours).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let session = [ours[0], (labels::SESSION, "one")];
    let found = f.runtime.list(&session).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id.as_str(), found[0].state),
        (first.as_str(), SandboxState::Created)
    );
    assert_eq!((&found[0].name, &found[0].image), (&spec.name, &f.image));
    assert_eq!(found[0].labels[labels::SESSION], "one");
    f.runtime.start(&first).await.unwrap();
    within(f.runtime.wait(&first)).await.unwrap();
    let ended = f.runtime.inspect(&first).await.unwrap().unwrap();
    assert_eq!(ended.state, SandboxState::Exited { status: Some(5) });
    assert!(ended.finished_at.is_some_and(|time| time.ends_with('Z')));
    let running = f.runtime.inspect(&sleeper).await.unwrap().unwrap();
    assert_eq!(
        (running.state, running.finished_at),
        (SandboxState::Running, None)
    );
}

/// An init passes the signal on, so that the grace is not used up.
pub async fn stopping_is_prompt_and_repeatable<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let id = f.sleeper().await;
    let began = Instant::now();
    f.runtime.stop(&id, Duration::from_secs(30)).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    f.runtime.stop(&id, Duration::from_secs(30)).await.unwrap();
    let stopped = f.runtime.inspect(&id).await.unwrap().unwrap();
    assert!(
        matches!(stopped.state, SandboxState::Exited { .. }),
        "{stopped:?}"
    );
}

/// Also of one that runs.
pub async fn removing_twice_is_no_error<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let id = f.sleeper().await;
    f.runtime.remove(&id).await.unwrap();
    f.runtime.remove(&id).await.unwrap();
    assert_eq!(f.runtime.inspect(&id).await.unwrap(), None);
    let error = f.runtime.start(&id).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { .. }), "{error}");
}

/// With their own environment, directory and status.
pub async fn commands_run_beside_the_main_process<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let id = f.sleeper().await;
    let spec = ExecSpec {
        argv: ["/bin/sh", "-c", "echo $WORD $PWD; id -u; exit 9"]
            .map(str::to_owned)
            .to_vec(),
        env: [("WORD".to_owned(), "hello".to_owned())].into(),
        working_dir: Some("/usr".to_owned()),
        user: None,
        terminal: None,
    };
    let (exec, attachment) = f.runtime.exec(&id, &spec).await.unwrap();
    let output = read_all(attachment.output, OutputStream::Stdout).await;
    assert_eq!(output, "hello /usr\n12345\n");
    assert_eq!(f.runtime.exec_status(&exec).await.unwrap(), 9);
}

/// Nothing is pulled.
pub async fn a_missing_image_is_named<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let mut spec = f.shell("true");
    spec.image = f.reference();
    assert!(!f.runtime.image_exists(&spec.image).await.unwrap());
    assert!(f.runtime.image_exists(&f.image).await.unwrap());
    let error = f.runtime.create(&spec).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains(&spec.image), "{error}");
}

/// It is not made in silence, as a directory of root's.
pub async fn a_missing_mount_source_is_an_error<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let mut spec = f.shell("true");
    let path = format!("/nowhere/{}", f.namespace);
    spec.mounts = vec![Mount {
        source: MountSource::Host(PathBuf::from(&path)),
        target: "/work".to_owned(),
        read_only: false,
    }];
    let error = f.runtime.create(&spec).await.unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");
}
