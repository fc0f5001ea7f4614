use std::collections::BTreeMap;

use super::Fixture;
use crate::{Mount, MountSource, SandboxRuntime, SandboxSpec, SealedDirectory, SealedFile, labels};

fn with_sealed<R: SandboxRuntime>(f: &Fixture<'_, R>, script: &str) -> SandboxSpec {
    let files = [("top.json", "{\"a\":1}\n"), ("below/deep.txt", "deep\n")];
    let mut files: BTreeMap<_, _> = files
        .map(|(path, text)| (path.to_owned(), SealedFile::from(text)))
        .into();
    let program = SealedFile {
        content: (*b"#!/bin/sh\necho \"ran $1\"\n").into(),
        executable: true,
    };
    files.insert("below/program".to_owned(), program);
    let mut spec = f.shell(script);
    spec.sealed = vec![SealedDirectory {
        path: "/etc/scc-test".to_owned(),
        files,
    }];
    spec
}

/// Readable by the agent, and by nobody to be changed.
pub async fn sealed_files_are_root_owned_and_read_only<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let script = "cd /etc/scc-test && cat top.json below/deep.txt && \
                  stat -c '%u %g %a %n' . top.json below below/deep.txt below/program; \
                  below/program well; \
                  (echo x > top.json) 2>/dev/null || echo refused; \
                  (echo x > new) 2>/dev/null || echo refused; rm -f top.json 2>/dev/null || echo refused";
    let mut spec = with_sealed(f, script);
    let expected = "{\"a\":1}\ndeep\n0 0 755 .\n0 0 644 top.json\n0 0 755 below\n\
                    0 0 644 below/deep.txt\n0 0 755 below/program\nran well\nrefused\nrefused\nrefused\n";
    assert_eq!(f.run(&spec, b"").await.stdout, expected);
    // Root without capabilities cannot either: the mount is read-only.
    spec.user = crate::UserIds { uid: 0, gid: 0 };
    assert_eq!(f.run(&spec, b"").await.stdout, expected);
}

/// Made at the same time from the same files, every sandbox sees all of them.
pub async fn sealed_volumes_are_complete_whoever_comes_first<R: SandboxRuntime>(
    f: &Fixture<'_, R>,
) {
    let spec = with_sealed(f, "cat /etc/scc-test/top.json /etc/scc-test/below/deep.txt");
    let specs: Vec<_> = (0..4)
        .map(|number| SandboxSpec {
            name: format!("{}-{number}", spec.name),
            ..spec.clone()
        })
        .collect();
    let runs = specs.iter().map(|spec| f.run(spec, b""));
    for ended in futures_util::future::join_all(runs).await {
        assert_eq!(ended.stdout, "{\"a\":1}\ndeep\n");
    }
}

/// A volume of a sandbox's own is read while it runs and after it has ended, and goes with it.
pub async fn own_volumes_can_be_read_until_the_sandbox_is_removed<R: SandboxRuntime>(
    f: &Fixture<'_, R>,
) {
    let mut spec = f.shell("echo made > /data/file; read line; echo more >> /data/file");
    spec.user = crate::UserIds { uid: 0, gid: 0 };
    spec.mounts = vec![Mount {
        source: MountSource::Own,
        target: "/data".to_owned(),
        read_only: false,
    }];
    let id = f.runtime.create(&spec).await.unwrap();
    let attachment = f.runtime.attach(&id).await.unwrap();
    f.runtime.start(&id).await.unwrap();
    let read = async |path: &str| f.runtime.read_sandbox_file(&id, path).await.unwrap();
    let made = async {
        loop {
            match read("/data/file").await {
                Some(content) if content == b"made\n" => break,
                _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    };
    super::within(made).await;
    assert_eq!(read("/data").await, None);
    assert_eq!(read("/data/none").await, None);
    // The end of its input ends it.
    drop(attachment);
    super::within(f.runtime.wait(&id)).await.unwrap();
    assert_eq!(read("/data/file").await, Some(b"made\nmore\n".to_vec()));
    f.runtime.remove(&id).await.unwrap();
    let gone = f.runtime.read_sandbox_file(&id, "/data/file").await;
    assert!(gone.is_ok_and(|found| found.is_none()));
}

fn with_volume<R: SandboxRuntime>(f: &Fixture<'_, R>, script: &str) -> (SandboxSpec, String) {
    let mut spec = f.shell(script);
    // The image has no such directory, so that the volume's root is root's.
    spec.user = crate::UserIds { uid: 0, gid: 0 };
    let name = format!("{}-volume", f.namespace);
    spec.mounts = vec![Mount {
        source: MountSource::Volume {
            name: name.clone(),
            labels: f.labels(),
        },
        target: "/data".to_owned(),
        read_only: false,
    }];
    (spec, name)
}

/// Also with no sandbox running, and no link leads out of the volume.
pub async fn volume_files_are_read_without_a_process<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let script = "cd /data && printf secret > a && mkdir d && printf deep > d/b && \
                  ln -s /etc/hostname link && ln -s /etc dirlink && ln -s a near";
    let (spec, volume) = with_volume(f, script);
    assert_eq!(
        f.runtime.read_volume_file(&volume, "a").await.unwrap(),
        None
    );
    let ours = [(labels::NAMESPACE, f.namespace.as_str())];
    assert!(
        f.runtime
            .remove_unused_volumes(&ours, true)
            .await
            .unwrap()
            .is_empty(),
        "made by reading"
    );
    assert_eq!(f.run(&spec, b"").await.status, 0);
    let read = async |path: &str| f.runtime.read_volume_file(&volume, path).await.unwrap();
    assert_eq!(read("a").await.as_deref(), Some(&b"secret"[..]));
    assert_eq!(read("d/b").await.as_deref(), Some(&b"deep"[..]));
    let has = async |path: &str| f.runtime.volume_has_file(&volume, path).await.unwrap();
    assert!(has("a").await && has("d/b").await);
    for none in ["c", "d", "d/c", "link", "dirlink/hostname", "a/b"] {
        assert_eq!(read(none).await, None, "{none}");
        assert!(!has(none).await, "{none}");
    }
    // An engine may follow a link that stays in the volume.
    let near = read("near").await;
    assert!(
        near.is_none() || near.as_deref() == Some(b"secret"),
        "{near:?}"
    );
    assert!(
        f.runtime
            .read_volume_file(&volume, "../etc/hostname")
            .await
            .is_err()
    );
    let listed = f.runtime.list(&ours).await.unwrap();
    assert!(
        listed.is_empty(),
        "what reads volumes is no sandbox: {listed:?}"
    );
}

/// Those in use stay; having been read is no use.
pub async fn unused_volumes_are_removed<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let ours = [(labels::NAMESPACE, f.namespace.as_str())];
    let (spec, volume) = with_volume(f, "true");
    let id = f.runtime.create(&spec).await.unwrap();
    f.runtime.read_volume_file(&volume, "a").await.unwrap();
    let none = f.runtime.remove_unused_volumes(&ours, false).await.unwrap();
    assert_eq!(none, Vec::<String>::new());
    f.runtime.remove(&id).await.unwrap();
    for dry_run in [true, false] {
        let named = f
            .runtime
            .remove_unused_volumes(&ours, dry_run)
            .await
            .unwrap();
        assert_eq!(named, std::slice::from_ref(&volume));
    }
    assert!(
        f.runtime
            .remove_unused_volumes(&ours, true)
            .await
            .unwrap()
            .is_empty()
    );
}

/// One sealed directory inside another, as for what many sandboxes share beside what one has alone.
/// The outer one has a file at the place, since nothing can be made in it.
pub async fn sealed_directories_can_be_nested<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let mut spec = with_sealed(
        f,
        "cd /etc/scc-test && cat top.json below/inner.txt; ls below",
    );
    spec.sealed.push(SealedDirectory {
        path: "/etc/scc-test/below".to_owned(),
        files: [("inner.txt".to_owned(), "inner\n".into())].into(),
    });
    for _ in 0..2 {
        assert_eq!(
            f.run(&spec, b"").await.stdout,
            "{\"a\":1}\ninner\ninner.txt\n"
        );
        spec.name.push('b');
    }
}
