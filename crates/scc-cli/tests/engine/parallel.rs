//! Several agents at once, each in a worktree of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use scc_testkit::context::{Run, TestContext};
use scc_testkit::model::{ModelServer, Step};
use scc_testkit::wait_for;
use serde_json::json;

use crate::support::{LIMIT, command, context, list, scc, sessions};

fn in_dir(context: &TestContext, dir: &Path, args: &[&str]) -> Run {
    Run::of(&command(context, args).current_dir(dir).output().unwrap())
}

fn git(context: &TestContext, args: &[&str]) -> String {
    let mut git = context.command("git".as_ref());
    git.args(["-c", "safe.directory=*"]).args(args);
    let output = git.current_dir(context.workspace()).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn start(context: &TestContext, name: &str, script: &str) -> Child {
    let args = [
        "worktree",
        "create",
        name,
        "--non-interactive",
        "--",
        "bash",
        "-c",
        script,
    ];
    let mut start = command(context, &args);
    start.stdout(Stdio::piped()).stderr(Stdio::piped());
    start.spawn().unwrap()
}

fn finished(child: Child) -> Run {
    Run::of(&child.wait_with_output().unwrap())
}

/// Three agents run at the same time; each sees its own tree only, commits on its own branch, and
/// none can change what the others or the host go by.
#[test]
fn three_worktrees_run_three_agents() {
    let context = context();
    let ws = context.workspace();
    let names = ["one", "two", "three"];
    let script = |name: &str| {
        let beside = ws.with_file_name("ws-worktrees");
        let others = names.iter().filter(|other| **other != name);
        let others: Vec<_> = others
            .map(|other| beside.join(other).display().to_string())
            .collect();
        // All are there before any ends; what follows runs while the others do.
        format!(
            "echo {name} > made && git add made && git commit -qm 'by {name}' && \
             until [ -e go ]; do sleep 0.1; done; \
             ls {} {}/README 2>/dev/null; \
             for f in config hooks/post-checkout HEAD worktrees/{}/HEAD; do \
             (echo x >> {}/.git/$f) 2>/dev/null && echo wrote $f; done; \
             git branch --show-current",
            others.join(" "),
            ws.display(),
            names.iter().find(|other| **other != name).unwrap(),
            ws.display(),
        )
    };
    let running: Vec<_> = names
        .map(|name| start(&context, name, &script(name)))
        .into();
    wait_for("three agents", LIMIT, || {
        let all = list(&context);
        let running = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|s| s["state"] == "running");
        (running.count() == 3).then_some(())
    });
    let committed = |name: &&str| git(&context, &["log", "--format=%s", &format!("scc/{name}")]);
    wait_for("three commits", LIMIT, || {
        names
            .iter()
            .all(|name| committed(name).starts_with(&format!("by {name}\n")))
            .then_some(())
    });
    let busy = scc(&context, &["worktree", "remove", "one", "--force", "-y"]);
    assert_eq!(busy.status, 1, "{busy:?}");
    assert!(busy.stderr.contains("an agent is at work"), "{busy:?}");
    for name in names {
        std::fs::write(context.path("ws-worktrees").join(name).join("go"), "").unwrap();
    }
    for (name, child) in names.iter().zip(running) {
        let run = finished(child).ok();
        assert_eq!(run.stdout, format!("scc/{name}\n"), "{run:?}");
    }
    assert_eq!(git(&context, &["branch", "--show-current"]), "main\n");
    let all = sessions(&context);
    let mut branches: Vec<_> = all.as_array().unwrap().iter().take(3).collect();
    branches.sort_by_key(|session| session["branch"].to_string());
    let branches: Vec<_> = branches.iter().map(|s| s["branch"].clone()).collect();
    assert_eq!(branches, ["scc/one", "scc/three", "scc/two"]);
}

/// Each agent asks the model about its own work, and its conversation goes on by itself.
#[test]
fn three_real_agents_in_three_worktrees() {
    let context = TestContext::with_engine();
    let script = vec![
        Step::Shell("basename \"$PWD\" > who.txt".to_owned()),
        Step::Say("done here".to_owned()),
    ];
    let model = ModelServer::start(&context.engine().gateway(), script).unwrap();
    context.configure(&json!({
        "provider": "claude",
        "providers": {
            "claude": { "base_url": model.url(), "api_key": "command:echo k" },
            "codex": { "base_url": format!("{}/v1", model.url()), "api_key": "command:echo k" },
        },
    }));
    // Makes both images, so that three launches do not wait for them.
    for provider in ["claude", "codex"] {
        scc(
            &context,
            &["start", "--provider", provider, "--", "--version"],
        )
        .ok();
    }
    let plans = [
        ("one", "claude", &["-p", "work on one"] as &[&str]),
        ("two", "codex", &["exec", "work on two"]),
        ("three", "claude", &["-p", "work on three"]),
    ];
    let launch = |(name, provider, ask): &(&str, &str, &[&str])| {
        let mut args = vec!["start", "--worktree", name, "--provider", provider, "--"];
        args.extend(*ask);
        let mut start = command(&context, &args);
        start.stdout(Stdio::piped()).stderr(Stdio::piped());
        start.spawn().unwrap()
    };
    let running: Vec<_> = plans.iter().map(launch).collect();
    for child in running {
        let run = finished(child).ok();
        assert!(run.stdout.contains("done here"), "{run:?}");
    }
    for (name, _, _) in plans {
        let who = context.path("ws-worktrees").join(name).join("who.txt");
        assert_eq!(std::fs::read_to_string(who).unwrap(), format!("{name}\n"));
    }
    // The conversations do not mix, although two agents share a volume.
    for (name, ask) in [("one", vec!["-p", "more"]), ("two", vec!["exec", "more"])] {
        let mut args = vec!["start", "--worktree", name, "--resume", "--"];
        args.extend(ask);
        scc(&context, &args).ok();
        let asked = model.requests().last().unwrap().body.to_string();
        assert!(asked.contains(&format!("work on {name}")), "{asked}");
        assert!(!asked.contains("work on three"), "{asked}");
    }
}

/// Dependencies are installed in the sandbox; the host sees what they left in the workspace and
/// nothing of what ran.
#[test]
fn dependencies_are_installed_inside() {
    let context = context();
    let path = PathBuf::from(
        scc(&context, &["worktree", "create", "deps", "--no-start"])
            .ok()
            .stdout
            .trim(),
    );
    // The image has no package manager: the workspace brings one along, as far as a shell knows.
    let missing = {
        std::fs::write(path.join("go.mod"), "module x\n").unwrap();
        in_dir(&context, &path, &["start", "--install-deps", "--", "true"])
    };
    assert_eq!(missing.status, 127, "{missing:?}");
    assert!(
        missing.stderr.contains("the image has no `go`"),
        "{missing:?}"
    );
    assert!(sessions(&context)[0]["exit_status"] == 127);

    let image = image_with_go(&context);
    context.configure(&json!({
        "provider": "script",
        "images": { "base": image },
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let args = ["start", "--install-deps", "--", "cat", "installed-by"];
    let run = in_dir(&context, &path, &args).ok();
    assert_eq!(run.stdout, "go mod download as agent on scc\n", "{run:?}");
    std::fs::write(path.join("fail"), "").unwrap();
    let failed = in_dir(
        &context,
        &path,
        &["start", "--install-deps", "--", "echo", "agent"],
    );
    assert_eq!(
        (failed.status, failed.stdout.as_str()),
        (9, ""),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("no agent was started"), "{failed:?}");
}

/// A base image whose `go` writes who ran it and where. It stays, as the images built on it do.
fn image_with_go(context: &TestContext) -> &'static str {
    let engine = context.engine();
    let name = "localhost/scc-test-go:1";
    if engine.get(&format!("/images/{name}/json"))["Id"].is_string() {
        return name;
    }
    let go = "#!/bin/sh\n[ -e fail ] && exit 9\n\
              echo \"go $* as $(id -un) on $(hostname)\" > installed-by\n";
    let place = "printf %s \"$0\" > /usr/local/bin/go && chmod 0755 /usr/local/bin/go";
    let body = json!({
        "Image": engine.base_image(),
        "Cmd": ["/bin/sh", "-c", place, go],
        "Labels": { "dev.scc.namespace": context.namespace() },
    });
    let post = |path: &str, body: Option<&serde_json::Value>| {
        let (status, answer) = engine.request("POST", path, body);
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    };
    let made = post("/containers/create", Some(&body));
    let id = made["Id"].as_str().unwrap();
    post(&format!("/containers/{id}/start"), None);
    let ended = post(&format!("/containers/{id}/wait"), None);
    assert_eq!(ended["StatusCode"], 0);
    post(
        &format!("/commit?container={id}&repo=localhost/scc-test-go&tag=1"),
        None,
    );
    name
}

/// A real launch runs nothing on the host that the repository names, before, while and after.
#[test]
fn a_launch_runs_nothing_that_the_repository_names() {
    let context = context();
    let marks = context.path("marks");
    std::fs::create_dir(&marks).unwrap();
    context.give_away(&marks);
    let mark = marks.join("ran");
    let hook = format!("#!/bin/sh\\necho ran >> {}", mark.display());
    // The agent itself plants, as far as it can reach: it works in the repository's own work tree.
    let plant = format!(
        "for h in fsmonitor post-checkout post-index-change reference-transaction; do \
         printf '{hook}\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; \
         git config core.fsmonitor \"$PWD/.git/hooks/fsmonitor\"; \
         git config filter.evil.smudge 'echo ran >> {0}; cat'; \
         git config filter.evil.clean 'echo ran >> {0}; cat'; \
         git config core.sshCommand 'echo ran >> {0}'; \
         printf '* filter=evil\\n' > .gitattributes",
        mark.display()
    );
    scc(&context, &["start", "--", "bash", "-c", &plant]).ok();
    let _ = std::fs::remove_file(&mark);
    scc(&context, &["worktree", "create", "one", "--", "true"]).ok();
    scc(
        &context,
        &["start", "--worktree", "one", "--resume", "--", "true"],
    )
    .ok();
    for args in [
        &["worktree", "list", "-v"] as &[&str],
        &["list"],
        &["status"],
        &["sessions"],
        &["prune"],
        &["worktree", "remove", "one", "-y", "--force"],
    ] {
        scc(&context, args).ok();
        assert!(!mark.exists(), "{args:?}");
    }
    // Otherwise this test would show nothing.
    git(&context, &["status"]);
    assert!(mark.exists());
}
