//! The command without an engine: messages, exit codes, plans.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use scc_testkit::context::{Run, TestContext};
use serde_json::json;

const SCC: &str = env!("CARGO_BIN_EXE_scc");
const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

fn scc(context: &TestContext, args: &[&str]) -> Run {
    context.run(Path::new(SCRIPTED), args)
}

fn configured() -> TestContext {
    let context = TestContext::new();
    context.configure(
        &json!({ "providers": { "script": { "base_url": "https://gateway.example" } } }),
    );
    context
}

fn workspace(context: &TestContext) -> String {
    context.workspace().to_str().unwrap().to_owned()
}

/// Runs a dry start in `dir`.
fn dry_run(context: &TestContext, dir: &str, more: &[&str]) -> Run {
    let mut args = vec!["start", dir, "--dry-run", "--json", "--provider", "script"];
    args.extend(more);
    scc(context, &args)
}

#[test]
fn the_released_command_has_no_scripted_agent() {
    let context = TestContext::new();
    let run = context.run(Path::new(SCC), &["provider", "set", "script"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(
        run.stderr.contains("there is no provider `script`"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_the_proof() {
    let context = configured();
    let directory = workspace(&context);
    for place in ["/no-such-directory/proof.md", directory.as_str()] {
        let run = scc(&context, &["prove", &directory, "--report", place]);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.contains("is no place for a file"), "{run:?}");
    }
}

#[test]
fn nothing_starts_before_setup() {
    let context = TestContext::new();
    let run = scc(&context, &["start", &workspace(&context)]);
    assert_eq!(run.status, 5);
    assert!(
        run.stderr.contains("scc setup --standalone"),
        "{}",
        run.stderr
    );
}

#[test]
fn setup_writes_settings_that_are_read_again() {
    let context = TestContext::new();
    scc(
        &context,
        &[
            "setup",
            "--standalone",
            "--provider",
            "script",
            "--base-image",
            "x:1",
        ],
    )
    .ok();
    let file = context.path("home/.config/scc/config.json");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let plan = scc(
        &context,
        &["start", &workspace(&context), "--dry-run", "--json"],
    )
    .json();
    assert_eq!(plan["data"]["provider"]["id"], "script");
    assert_eq!(plan["data"]["image"]["base"], "x:1");
}

#[test]
fn a_plan_shows_everything_and_no_secret() {
    let context = TestContext::new();
    context.configure(&json!({ "providers": { "script": { "api_key": "command:echo s3cret" } } }));
    let run = dry_run(
        &context,
        &workspace(&context),
        &["--session", "s", "--", "-x", "y z"],
    )
    .ok();
    assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"));
    let envelope = run.json();
    assert_eq!(envelope["apiVersion"], "scc.cli/v1");
    assert_eq!(envelope["kind"], "StartDryRun");
    let plan = &envelope["data"];
    assert_eq!(plan["ready_to_start"], true);
    assert_eq!(plan["workspace"], workspace(&context));
    assert_eq!(plan["branch"], "main");
    assert_eq!(
        plan["command"],
        json!(["/usr/local/bin/script-agent", "-x", "y z"])
    );
    let targets: Vec<_> = plan["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["target"])
        .collect();
    assert_eq!(
        json!(targets),
        json!([
            workspace(&context),
            "/home/agent/.script",
            "/var/lib/scc",
            "/etc/scc",
            "/etc/script-agent"
        ])
    );
    let names = plan["environment"].as_array().unwrap();
    assert!(names.contains(&json!("SCC_PROVIDER_KEY")) && names.contains(&json!("TERM")));
}

#[test]
fn a_missing_key_is_named() {
    let context = TestContext::new();
    context.configure(&json!({ "providers": { "script": { "api_key": "env:NOT_THERE" } } }));
    let run = dry_run(&context, &workspace(&context), &[]);
    assert_eq!(run.status, 5);
    assert!(
        run.stdout.contains("`NOT_THERE` is not set"),
        "{}",
        run.stdout
    );
}

#[test]
fn workspaces_that_cannot_be_used() {
    let context = configured();
    std::fs::write(context.path("file"), "").unwrap();
    for (dir, message) in [
        ("missing", "does not exist"),
        ("file", "is not a directory"),
    ] {
        let run = dry_run(&context, context.path(dir).to_str().unwrap(), &[]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stderr.contains(message), "{}", run.stderr);
        assert_eq!(run.json()["kind"], "Error");
    }
}

/// As a user who is not root, whom nothing may be closed to.
fn as_user(context: &TestContext, args: &[&str]) -> std::process::Command {
    use std::os::unix::process::CommandExt as _;
    context.give_away(&context.path("home"));
    let mut command = context.command(Path::new(SCRIPTED));
    command.args(args);
    if is_root() {
        command.uid(1000).gid(1000);
    }
    command
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

fn close(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
}

#[test]
fn a_workspace_that_cannot_be_read() {
    let context = configured();
    let closed = context.path("closed");
    std::fs::create_dir(&closed).unwrap();
    close(&closed);
    let args = ["start", closed.to_str().unwrap(), "--provider", "script"];
    let run = Run::of(&as_user(&context, &args).output().unwrap());
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("cannot be read"), "{}", run.stderr);
    assert!(run.stderr.contains("ermission denied"), "{}", run.stderr);
}

#[test]
fn a_socket_that_may_not_be_used() {
    let context = configured();
    let socket = context.path("engine.sock");
    let _engine = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    close(&socket);
    let mut command = as_user(&context, &["list"]);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let run = Run::of(&command.output().unwrap());
    assert_eq!(run.status, 5, "{run:?}");
    assert!(run.stderr.contains("engine.sock"), "{}", run.stderr);
    assert!(run.stderr.contains("usermod -aG docker"), "{}", run.stderr);
}

#[test]
fn an_engine_that_is_too_old() {
    use std::io::{Read as _, Write as _};
    let context = configured();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        let body = r#"{"ApiVersion":"1.40","Version":"19.03.15"}"#;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
    });
    let mut command = context.command(Path::new(SCRIPTED));
    command
        .arg("list")
        .env("DOCKER_HOST", format!("tcp://{address}"));
    let run = Run::of(&command.output().unwrap());
    assert_eq!(run.status, 5, "{run:?}");
    assert!(run.stderr.contains("speaks API 1.40"), "{}", run.stderr);
    assert!(run.stderr.contains("update the engine"), "{}", run.stderr);
}

#[test]
fn suspicious_workspaces_are_refused() {
    let context = configured();
    let home = context.path("home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    for dir in [
        "/",
        "/etc",
        "/etc/ssl",
        home.to_str().unwrap(),
        home.join(".ssh").to_str().unwrap(),
    ] {
        let run = dry_run(&context, dir, &[]);
        assert_eq!(run.status, 6, "{dir}: {run:?}");
        let plan = run.json();
        assert_eq!(plan["data"]["ready_to_start"], false, "{dir}");
        assert_eq!(plan["status"]["ok"], false, "{dir}");
        let started = scc(
            &context,
            &["start", dir, "--provider", "script", "--non-interactive"],
        );
        assert_eq!(started.status, 6, "{dir}: {started:?}");
        assert!(
            started.stderr.contains("--allow-suspicious-workspace"),
            "{}",
            started.stderr
        );
    }
}

#[test]
fn several_providers_and_no_choice_is_an_error_that_names_the_flag() {
    let context = TestContext::new();
    context.configure(&json!({ "provider": "ask" }));
    let run = scc(
        &context,
        &["start", &workspace(&context), "--non-interactive"],
    );
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--provider"), "{}", run.stderr);
    let unknown = scc(
        &context,
        &["start", &workspace(&context), "--provider", "nope"],
    );
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.stderr.contains("there is no provider `nope`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn no_engine_says_what_was_tried() {
    let context = configured();
    for args in [
        &["list"] as &[&str],
        &["stop", "--all"],
        &["prune"],
        &["doctor"],
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, 5, "{run:?}");
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains("/nonexistent/engine.sock"), "{all}");
        assert!(all.contains("DOCKER_HOST"), "{all}");
    }
    let status = scc(&context, &["status", "--json"]).ok().json();
    assert_eq!(status["data"]["engine"], json!(null));
    assert_eq!(status["data"]["mode"], "standalone");
}

#[test]
fn a_bad_setting_names_file_line_and_remedy() {
    let context = TestContext::new();
    let file = context.path("home/.config/scc/config.json");
    std::fs::write(
        &file,
        "{\n  \"standalone\": true,\n  \"provder\": \"script\"\n}\n",
    )
    .unwrap();
    let run = scc(&context, &["start", &workspace(&context)]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("config.json:3:"), "{}", run.stderr);
    assert!(run.stderr.contains("provider"), "{}", run.stderr);
    assert!(
        std::fs::read_to_string(&file).unwrap().contains("provder"),
        "the file was changed"
    );
}

#[test]
fn a_workspace_of_root_is_refused_for_root() {
    let context = configured();
    let dir = context.path("of-root");
    std::fs::create_dir_all(&dir).unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&dir).unwrap()) == 0;
    let run = dry_run(&context, dir.to_str().unwrap(), &[]);
    if is_root {
        assert_eq!(run.status, 6, "{run:?}");
        assert!(run.stdout.contains("allow_root_agent"), "{}", run.stdout);
    } else {
        assert_eq!(run.status, 5, "{run:?}");
    }
}

#[test]
fn completion_scripts_are_printed() {
    let context = configured();
    for shell in ["bash", "zsh", "fish"] {
        let run = scc(&context, &["completion", shell]).ok();
        assert!(run.stdout.contains("scc"), "{shell}");
    }
}

#[test]
fn no_other_crate_names_a_provider() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let krate = entry.unwrap().path();
        let name = krate.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("scc-provider-") {
            continue;
        }
        visit(&krate.join("src"), &mut |file, text| {
            let wiring = file.ends_with("scc-cli/src/providers.rs");
            if !wiring
                && ["claude", "codex"]
                    .iter()
                    .any(|id| text.to_lowercase().contains(id))
            {
                wrong.push(file.to_owned());
            }
        });
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn visit(dir: &Path, look: &mut impl FnMut(&str, &str)) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(
                path.to_str().unwrap(),
                &std::fs::read_to_string(&path).unwrap(),
            );
        }
    }
}

#[test]
fn a_provider_that_does_not_exist_is_an_error_with_its_place() {
    let context = TestContext::new();
    for config in [
        json!({ "provider": "gemini" }),
        json!({ "providers": { "gemini": {} } }),
    ] {
        context.configure(&config);
        let run = scc(&context, &["status"]);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(
            run.stderr.contains("there is no provider `gemini`"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("this scc has"), "{}", run.stderr);
        assert!(run.stderr.contains("config.json:1:"), "{}", run.stderr);
    }
}

#[test]
fn wrong_usage_comes_in_the_envelope_too() {
    let context = configured();
    for args in [
        &["list", "--bogus", "--json"] as &[&str],
        &["sessions", "-n", "x", "--json"],
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, 2, "{run:?}");
        assert_eq!(run.json()["kind"], "Error");
        assert_eq!(run.json()["status"]["ok"], false);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let context = configured();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut status = context.command(Path::new(SCRIPTED));
    let run = Run::of(&status.arg("status").stdout(full).output().unwrap());
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("cannot be written"), "{}", run.stderr);
}

#[test]
fn a_plan_neither_fetches_a_key_nor_calls_a_launch_ready_without_one() {
    let context = TestContext::new();
    let witness = context.path("witness");
    let command = format!("command:touch {}; echo k", witness.display());
    context.configure(&json!({ "providers": { "script": { "api_key": command } } }));
    let run = dry_run(&context, &workspace(&context), &[]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(!witness.exists(), "the command was run");
    context.configure(&json!({ "providers": { "script": { "api_key": "env:SCC_NO_SUCH" } } }));
    let run = dry_run(&context, &workspace(&context), &[]);
    assert_eq!(run.status, 5, "{run:?}");
    assert_eq!(run.json()["data"]["ready_to_start"], false);
    assert!(run.stdout.contains("SCC_NO_SUCH"), "{}", run.stdout);
    context.configure(&json!({}));
    let run = dry_run(&context, &workspace(&context), &[]);
    assert_eq!(run.status, 5, "{run:?}");
    assert!(
        run.stdout.contains("scc provider login script"),
        "{}",
        run.stdout
    );
}
