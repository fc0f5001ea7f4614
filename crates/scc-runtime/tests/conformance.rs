//! Runs the checks of [`scc_runtime::conformance`] on a real engine.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and learns its engine and image from the environment"
)]

use std::panic::{AssertUnwindSafe, resume_unwind};

use bollard::Docker;
use bollard::query_parameters::{RemoveImageOptions, UploadToContainerOptions};
use futures_util::FutureExt as _;
use scc_runtime::conformance::{self, Fixture};
use scc_runtime::{
    DockerRuntime, EngineError, EngineLookup, Limits, Network, SandboxRuntime as _, SandboxSpec,
    SealedDirectory, UserIds, labels,
};

fn needed(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("needs a container engine: run `cargo xtask test` ({variable})"))
}

async fn connect() -> DockerRuntime {
    let docker_host = Some(needed("DOCKER_HOST"));
    let scratch = std::env::temp_dir().join("scc-conformance");
    DockerRuntime::connect(&EngineLookup {
        docker_host,
        scratch: Some(scratch),
        ..EngineLookup::default()
    })
    .await
    .unwrap()
}

/// Gives a check a connection and a name space of its own, and cleans up whatever comes of it.
fn on_engine<F>(check: F)
where
    F: AsyncFnOnce(&Fixture<'_, DockerRuntime>),
{
    let image = needed("SCC_TEST_BASE_IMAGE");
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    executor.block_on(async {
        let runtime = connect().await;
        let fixture = Fixture::new(&runtime, &image);
        let result = AssertUnwindSafe(check(&fixture)).catch_unwind().await;
        fixture.clean_up().await;
        let engine = Docker::connect_with_host(&needed("DOCKER_HOST")).unwrap();
        let force = RemoveImageOptions {
            force: true,
            ..RemoveImageOptions::default()
        };
        let _ = engine
            .remove_image(&fixture.reference(), Some(force), None)
            .await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    });
}

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                on_engine(conformance::$name);
            }
        )*
    };
}

checks! {
    output_comes_in_order_and_whole,
    streams_are_told_apart,
    exit_status_is_passed_on,
    the_end_of_input_arrives,
    a_terminal_has_its_size,
    a_terminal_passes_every_byte,
    names_are_taken_once,
    sandboxes_are_found_by_label,
    stopping_is_prompt_and_repeatable,
    removing_twice_is_no_error,
    commands_run_beside_the_main_process,
    logs_hold_everything,
    a_missing_image_is_named,
    a_missing_mount_source_is_an_error,
    own_volumes_can_be_read_until_the_sandbox_is_removed,
    sealed_files_are_root_owned_and_read_only,
    sealed_volumes_are_complete_whoever_comes_first,
    sealed_directories_can_be_nested,
    volume_files_are_read_without_a_process,
    unused_volumes_are_removed,
    the_kernel_refuses_what_reaches_out,
    processes_have_no_capabilities,
    images_are_built_and_named,
    a_failed_build_names_its_step,
}

fn sealed_spec(f: &Fixture<'_, DockerRuntime>, text: &str) -> SandboxSpec {
    let files = [("policy".to_owned(), text.into())].into();
    SandboxSpec {
        name: format!("{}-{}", f.namespace, text.len()),
        labels: [(labels::NAMESPACE.to_owned(), f.namespace.clone())].into(),
        image: f.image.clone(),
        argv: vec!["true".to_owned()],
        init: Vec::new(),
        env: Default::default(),
        working_dir: "/".to_owned(),
        user: UserIds { uid: 1, gid: 1 },
        hostname: "box".to_owned(),
        mounts: Vec::new(),
        sealed: vec![SealedDirectory {
            path: "/etc/scc-test".to_owned(),
            files,
        }],
        network: Network::None,
        limits: Limits {
            memory_bytes: 64 << 20,
            cpus: 1.0,
            pids: 16,
            log_files: 1,
        },
        read_only_root: false,
        terminal: None,
    }
}

/// As a process leaves it that dies between making a sandbox and filling its volumes: another
/// process must not start it, and making it anew must repair the volume.
#[test]
fn a_half_made_sandbox_does_not_start() {
    on_engine(async |f: &Fixture<'_, DockerRuntime>| {
        let mut spec = sealed_spec(f, "rules");
        let id = f.runtime.create(&spec).await.unwrap();
        let sealed = "scc-sealed-";
        let engine = Docker::connect_with_host(&needed("DOCKER_HOST")).unwrap();
        let found = engine.inspect_container(&id, None).await.unwrap();
        let volume = found.mounts.unwrap().remove(0).name.unwrap();
        assert!(volume.starts_with(sealed), "{volume}");
        engine
            .remove_container(&format!("{volume}-full"), None)
            .await
            .unwrap();
        // A writable view of the volume, through which the file is emptied.
        let mut writer = sealed_spec(f, "");
        writer.sealed.clear();
        writer.mounts = vec![scc_runtime::Mount {
            source: scc_runtime::MountSource::Volume {
                name: volume,
                labels: Default::default(),
            },
            target: "/w".to_owned(),
            read_only: false,
        }];
        let writer = f.runtime.create(&writer).await.unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        let mut archive = tar::Builder::new(Vec::new());
        archive
            .append_data(&mut header, "policy", std::io::empty())
            .unwrap();
        let body = bollard::body_full(archive.into_inner().unwrap().into());
        let at = UploadToContainerOptions {
            path: "/w".to_owned(),
            ..Default::default()
        };
        engine
            .upload_to_container(&writer, Some(at), body)
            .await
            .unwrap();

        let other_process = connect().await;
        let error = other_process.start(&id).await.unwrap_err();
        assert!(matches!(error, EngineError::Refused { .. }), "{error}");
        spec.name.push_str("-again");
        other_process.create(&spec).await.unwrap();
        connect().await.start(&id).await.unwrap();
    });
}
