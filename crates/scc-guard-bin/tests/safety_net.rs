//! The plugin `scc-safety-net`: its hook's line, run as the agents run it, with the real guard and
//! without.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A file of the repository.
fn read(path: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    serde_json::from_slice(&std::fs::read(root.join(path)).unwrap()).unwrap()
}

/// What the hook's standard input is: that of either agent.
fn calls(command: &str) -> [Value; 2] {
    let call = json!({
        "session_id": "0b1e", "transcript_path": "/home/ada/t.jsonl", "cwd": "/home/ada/shop",
        "hook_event_name": "PreToolUse", "permission_mode": "default", "tool_name": "Bash",
        "tool_input": { "command": command }, "tool_use_id": "t1",
    });
    let (mut one, mut other) = (call.clone(), call);
    one["tool_input"]["description"] = "Does it".into();
    one["effort"] = "high".into();
    other["turn_id"] = "3".into();
    other["model"] = "m".into();
    [one, other]
}

/// A machine with some program as `scc-guard`, or none.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn bare() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn with(program: &[u8]) -> Self {
        let machine = Self::bare();
        let path = machine.directory.path().join("scc-guard");
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        machine
    }

    fn guarded() -> Self {
        Self::with(scc_guard_bin::GUARD)
    }

    /// The exit status of the hook's line and what it said.
    fn hook(&self, input: &str) -> (i32, String) {
        let line = read("plugins/scc-safety-net/hooks/hooks.json");
        let line = line["hooks"]["PreToolUse"][0]["hooks"][0]["command"].clone();
        let mut path = OsString::from(self.directory.path());
        path.push(":/usr/bin:/bin");
        let mut child = Command::new("/bin/sh")
            .args(["-c", line.as_str().unwrap()])
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who refuses may have stopped reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    }

    /// It refuses, which takes status 2 and a reason.
    fn refuses(&self, input: &str, part: &str) {
        let (status, said) = self.hook(input);
        assert_eq!(status, 2, "{input}: {said}");
        assert!(said.contains(part), "{input}: no `{part}` in {said}");
    }
}

#[test]
fn what_destroys_nothing_runs_without_a_word() {
    let machine = Machine::guarded();
    for command in [
        "git status",
        "git push --force-with-lease",
        "echo git push --force",
    ] {
        for call in calls(command) {
            assert_eq!(
                machine.hook(&call.to_string()),
                (0, String::new()),
                "{command}"
            );
        }
    }
}

#[test]
fn what_destroys_something_is_refused_with_the_reason() {
    let machine = Machine::guarded();
    for command in [
        "git push --force",
        "cd x && /usr/bin/git push -f origin main",
        "rm -rf .git",
    ] {
        for call in calls(command) {
            machine.refuses(&call.to_string(), "instead: ");
        }
    }
}

#[test]
fn what_is_no_call_is_refused() {
    let machine = Machine::guarded();
    machine.refuses("", "no JSON");
    machine.refuses("{", "no JSON");
    machine.refuses("{}", "names no command");
    let large = " ".repeat(5 * 1024 * 1024);
    machine.refuses(&large, "too large");
}

#[test]
fn without_the_guard_everything_is_refused_and_says_how_to_install_it() {
    let machine = Machine::bare();
    for call in calls("git status") {
        machine.refuses(
            &call.to_string(),
            "cargo install --locked --path crates/scc-guard",
        );
    }
}

/// Whatever else is found in its place, agents would take its end for a broken hook, and one takes
/// status 2 without a word for one.
#[test]
fn a_guard_that_does_not_work_refuses() {
    for (program, part) in [
        ("#!/bin/sh\nexit 1\n", "status 1"),
        ("#!/bin/sh\nexit 2\n", "refused by scc-safety-net"),
        ("#!/bin/sh\nkill -9 $$\n", "status 137"),
        ("#!/nowhere\n", "status 12"),
        ("", "refused"),
    ] {
        let machine = Machine::with(program.as_bytes());
        if program.is_empty() {
            let path = machine.directory.path().join("scc-guard");
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
        }
        machine.refuses(&calls("git status")[0].to_string(), part);
    }
}

#[test]
fn a_guard_that_hangs_is_ended_before_the_agent_gives_up() {
    let hook = read("plugins/scc-safety-net/hooks/hooks.json");
    let limit = hook["hooks"]["PreToolUse"][0]["hooks"][0]["timeout"].as_u64();
    for program in [
        "#!/bin/sh\nexec sleep 1000\n",
        "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n",
    ] {
        let machine = Machine::with(program.as_bytes());
        let begun = std::time::Instant::now();
        let input = calls("git status")[0].to_string();
        machine.refuses(&input, "its check ended with status 1");
        assert!(begun.elapsed().as_secs() < limit.unwrap(), "{program}");
    }
}

/// One name and version everywhere, and every file that is named is there.
#[test]
fn the_catalogs_name_the_plugin() {
    let version = env!("CARGO_PKG_VERSION");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (catalog, source, manifest) in [
        (
            ".claude-plugin/marketplace.json",
            "/source",
            ".claude-plugin/plugin.json",
        ),
        (
            ".agents/plugins/marketplace.json",
            "/source/path",
            ".codex-plugin/plugin.json",
        ),
    ] {
        let catalog = read(catalog);
        assert_eq!(catalog["name"], "scc");
        let plugin = &catalog["plugins"][0];
        let folder = plugin.pointer(source).unwrap().as_str().unwrap();
        let manifest = read(&format!("{folder}/{manifest}"));
        assert_eq!(manifest["name"], plugin["name"]);
        assert_eq!(manifest["version"], version);
        let hooks: PathBuf = root.join(folder).join("hooks/hooks.json");
        assert!(hooks.is_file());
    }
}
