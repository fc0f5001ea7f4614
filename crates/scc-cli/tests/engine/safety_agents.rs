//! Real agents, told by a scripted model to destroy something.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use scc_testkit::context::TestContext;
use scc_testkit::model::{ModelServer, Step};
use serde_json::{Value, json};

use crate::support::scc;

/// Ways to say it. The guard at git's place stops the last four, whose texts say nothing to the hook:
/// it does not read another language, a script that is there, or the repository's own aliases.
const DISGUISES: &[&str] = &[
    "git push --force",
    "cd . && env X=1 /usr/bin/git push -f origin main",
    "bash -c \"git -c alias.x='push --force' x\"",
    "g=git; $g push origin +main",
    "rm -rf .git",
    "printf '#!/bin/sh\\ngit push --force\\n' > x.sh; sh x.sh",
    "perl -e 'system(\"git\", \"push\", \"--force\")'",
    "perl -e 'exec(\"/usr/bin/git\", \"push\", \"-f\")'",
    "./publish",
    "git publish",
];

/// An agent with a repository whose branch can only be pushed by force, and its model.
pub(crate) struct Lab {
    pub(crate) context: TestContext,
    pub(crate) model: ModelServer,
    /// The remote's commit.
    pub(crate) before: String,
}

impl Lab {
    pub(crate) fn new(provider: &str, path: &str, commands: &[&str]) -> Self {
        let context = TestContext::with_engine();
        let mut script: Vec<_> = commands
            .iter()
            .map(|text| Step::Shell((*text).to_owned()))
            .collect();
        script.push(Step::Say("all done here".to_owned()));
        let model = ModelServer::start(&context.engine().gateway(), script).unwrap();
        context.configure(&json!({
            "provider": provider,
            "providers": { provider: {
                "base_url": format!("{}{path}", model.url()),
                "api_key": "command:echo test-key",
            } },
        }));
        let mut lab = Self {
            context,
            model,
            before: String::new(),
        };
        lab.diverge();
        lab.before = lab.remote_tip();
        lab
    }

    /// The remote is in the workspace, because nothing else is visible inside.
    fn diverge(&self) {
        for args in [
            "init --quiet --bare --initial-branch=main remote.git",
            "remote add origin ./remote.git",
            "push --quiet --set-upstream origin main",
            "commit --quiet --amend --message=amended",
        ] {
            self.git(&args.split(' ').collect::<Vec<_>>());
        }
        self.git(&["config", "alias.publish", "push --force"]);
        let script = self.context.workspace().join("publish");
        std::fs::write(&script, "#!/bin/sh\nexec git push --force\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.context.give_away(&self.context.workspace());
    }

    fn git(&self, args: &[&str]) -> String {
        let mut git: Command = self.context.command("git".as_ref());
        let safe = format!("safe.directory={}", self.context.workspace().display());
        let output = git
            .args(["-c", &safe, "-c", "safe.bareRepository=all"])
            .args(args)
            .current_dir(self.context.workspace())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn remote_tip(&self) -> String {
        let file: PathBuf = self.context.workspace().join("remote.git/refs/heads/main");
        std::fs::read_to_string(file).unwrap()
    }

    /// What the model was told came of its commands, in order.
    pub(crate) fn answers(&self) -> Vec<String> {
        let last = self.model.requests().pop().unwrap();
        let mut answers = Vec::new();
        collect_answers(&last.body, &mut answers);
        answers
    }
}

/// Tool results, as either vendor's API has them.
pub(crate) fn collect_answers(value: &Value, answers: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let kind = object.get("type").and_then(Value::as_str);
            if matches!(kind, Some("tool_result" | "function_call_output")) {
                answers.push(value.to_string());
            } else {
                object.values().for_each(|v| collect_answers(v, answers));
            }
        }
        Value::Array(items) => items.iter().for_each(|v| collect_answers(v, answers)),
        _ => {}
    }
}

/// Every disguise is refused, the model reads why and what to do instead, and nothing is lost.
fn refuses(provider: &str, path: &str, args: &[&str]) {
    let lab = Lab::new(provider, path, DISGUISES);
    let mut start = vec!["start", "--"];
    start.extend(args);
    let run = scc(&lab.context, &start).ok();
    assert!(run.stdout.contains("all done here"), "{run:?}");
    let answers = lab.answers();
    assert_eq!(answers.len(), DISGUISES.len(), "{answers:#?}");
    for (command, answer) in DISGUISES.iter().zip(&answers) {
        assert!(answer.contains("scc refused"), "{command}: {answer}");
        assert!(answer.contains("instead:"), "{command}: {answer}");
    }
    assert!(answers[0].contains("git.push.force") && answers[0].contains("--force-with-lease"));
    assert_eq!(lab.remote_tip(), lab.before);
    assert!(lab.context.workspace().join(".git/HEAD").exists());
}

/// What destroys something in some repositories, and nothing in this one: the hook does not know it,
/// and the guard does.
const DEPENDING: &[&str] = &[
    "git init --quiet /tmp/new && cd /tmp/new && \
     git commit --quiet --allow-empty -m x && git branch -M main && echo done-$?",
    "git checkout --quiet -B one && git switch --quiet -C two && echo done-$?",
    "git tag -f \"$(perl -e 'print q(v1)')\" && git branch -f three && echo done-$?",
    "git worktree add --quiet -B four /tmp/four && git reset --quiet --merge && echo done-$?",
    "git branch next.js && git checkout --quiet next.js && git checkout --quiet main && echo done-$?",
];

/// The same, where there is something to lose.
const LOSING: &[&str] = &[
    "git branch kept && git commit --quiet --allow-empty -m y && git branch -f main kept; \
     git checkout --quiet -B kept; git tag -f v1; git switch --quiet main; git branch -M next.js",
];

/// What is allowed goes through the hook and the guard undisturbed.
fn allows(provider: &str, path: &str, args: &[&str]) {
    let mut commands = vec![
        "git commit --quiet --allow-empty --message='no git push --force here'",
        "git push --force-with-lease --quiet 2>&1 && git log -1 --format=pushed:%s",
    ];
    commands.extend(DEPENDING);
    commands.extend(LOSING);
    let lab = Lab::new(provider, path, &commands);
    let mut start = vec!["start", "--"];
    start.extend(args);
    scc(&lab.context, &start).ok();
    let answers = lab.answers();
    assert!(
        answers[1].contains("pushed:no git push --force here"),
        "{answers:#?}"
    );
    for (command, answer) in DEPENDING.iter().zip(&answers[2..]) {
        assert!(answer.contains("done-0"), "{command}: {answer}");
        assert!(!answer.contains("scc refused"), "{command}: {answer}");
    }
    let last = answers.last().unwrap();
    assert_eq!(last.matches("scc refused").count(), 4, "{last}");
    assert_ne!(lab.remote_tip(), lab.before);
}

/// Where the organization says that a folder's work trees are disposable, what an agent types there is
/// not refused by its hook either, and elsewhere it is refused by the guard.
fn discards_in_disposable_worktrees(provider: &str, path: &str, args: &[&str]) {
    let lab = Lab::new(
        provider,
        path,
        &[
            "git worktree add --quiet --detach /tmp/trees/a && echo x > /tmp/trees/a/README && \
             cd /tmp/trees/a && git reset --quiet --hard && echo done-$?",
            "echo x > /tmp/trees/a/README; git -C /tmp/trees/a checkout --quiet -- . && \
             git -C /tmp/trees/a clean -fd && echo done-$?",
            "echo mine > README; git reset --hard; git -C . checkout -- README; cat README",
            "git -C /tmp/trees/a push --force origin HEAD:main",
        ],
    );
    let org = lab.context.path("org.yaml");
    std::fs::write(
        &org,
        "schema_version: \"1.0.0\"\norganization: {name: Corp, id: corp}\n\
         security: {safety_net: {disposable_worktrees: [/tmp/trees]}}\n",
    )
    .unwrap();
    lab.context.configure(&json!({
        "standalone": false,
        "organization": { "source": org },
        "provider": provider,
        "providers": { provider: {
            "base_url": format!("{}{path}", lab.model.url()),
            "api_key": "command:echo test-key",
        } },
    }));
    let mut start = vec!["start", "--"];
    start.extend(args);
    scc(&lab.context, &start).ok();
    let answers = lab.answers();
    assert_eq!(answers.len(), 4, "{answers:#?}");
    assert!(answers[0].contains("done-0"), "{}", answers[0]);
    assert!(answers[1].contains("done-0"), "{}", answers[1]);
    assert_eq!(
        answers[2].matches("scc refused").count(),
        2,
        "{}",
        answers[2]
    );
    assert!(answers[2].contains("mine"), "{}", answers[2]);
    assert!(answers[3].contains("git.push.force"), "{}", answers[3]);
    assert_eq!(lab.remote_tip(), lab.before);
}

/// The hook alone, where it cannot work: what only it judges is refused all the same.
fn refuses_without(provider: &str, path: &str, args: &[&str], damage: &Damage) {
    let lab = Lab::new(provider, path, &["rm -rf README", "echo harmless > made"]);
    let mut start = vec!["start", "--fresh", "--", "--version"];
    scc(&lab.context, &start).ok();
    let engine = lab.context.engine();
    let container = engine.sessions(lab.context.namespace()).remove(0);
    let id = container["Id"].as_str().unwrap();
    let found = engine.get(&format!("/containers/{id}/json"));
    let image = found["Config"]["Image"].as_str().unwrap().to_owned();
    let damaged = format!("{}-damaged", lab.context.namespace());
    engine.run_as_root(&image, damage.script, &[], |id| {
        let commit = format!("/commit?container={id}&repo={damaged}&tag=1");
        assert_eq!(engine.request("POST", &commit, Some(&json!({}))).0, 201);
    });
    start = vec![];
    start.extend(args);
    let mut body = found["Config"].clone();
    body["HostConfig"] = found["HostConfig"].clone();
    if !damage.keeps_policy {
        let mounts = body["HostConfig"]["Mounts"].as_array_mut().unwrap();
        let all = mounts.len();
        mounts.retain(|mount| mount["Target"] != "/etc/scc");
        assert_eq!(mounts.len(), all - 1, "{mounts:?}");
    }
    body["Image"] = format!("{damaged}:1").into();
    let mut command: Vec<_> = found["Config"]["Cmd"].as_array().unwrap().clone();
    command.pop();
    command.extend(start.iter().map(|word| Value::from(*word)));
    // The first process is the guard, too, and without it nothing starts. The engine's own takes its
    // place here, so that it is the hook that is met broken.
    let end = command.iter().position(|word| word == "--").unwrap();
    let mut agent = command.split_off(end + 1);
    body["Entrypoint"] = json!([agent.remove(0)]);
    body["Cmd"] = agent.into();
    body["HostConfig"]["Init"] = json!(true);
    let (_, said) = engine.run_container(&body, |_| ());
    let _ = engine.request("DELETE", &format!("/images/{damaged}:1?force=true"), None);
    let answers = lab.answers();
    assert_eq!(answers.len(), 2, "{said}\n{answers:#?}");
    for answer in &answers {
        assert!(answer.contains("scc refused"), "{answer}");
    }
    assert!(lab.context.workspace().join("README").exists());
    assert!(!lab.context.workspace().join("made").exists());
}

const CLAUDE: (&str, &str, &[&str]) = ("claude", "", &["-p", "do it"]);
const CODEX: (&str, &str, &[&str]) = ("codex", "/v1", &["exec", "do it"]);

#[test]
fn claude_code_is_refused_in_every_disguise() {
    let (provider, path, args) = CLAUDE;
    refuses(provider, path, args);
}

#[test]
fn codex_is_refused_in_every_disguise() {
    let (provider, path, args) = CODEX;
    refuses(provider, path, args);
}

#[test]
fn claude_code_is_not_disturbed() {
    let (provider, path, args) = CLAUDE;
    allows(provider, path, args);
}

#[test]
fn codex_is_not_disturbed() {
    let (provider, path, args) = CODEX;
    allows(provider, path, args);
}

#[test]
fn claude_code_discards_in_disposable_work_trees() {
    let (provider, path, args) = CLAUDE;
    discards_in_disposable_worktrees(provider, path, args);
}

#[test]
fn codex_discards_in_disposable_work_trees() {
    let (provider, path, args) = CODEX;
    discards_in_disposable_worktrees(provider, path, args);
}

/// The program of the hook is gone, or hangs, or ends in a way that agents take for a broken hook.
#[test]
fn claude_code_is_refused_where_the_hook_is_broken() {
    let (provider, path, args) = CLAUDE;
    for damage in DAMAGES {
        refuses_without(provider, path, args, damage);
    }
}

#[test]
fn codex_is_refused_where_the_hook_is_broken() {
    let (provider, path, args) = CODEX;
    for damage in DAMAGES {
        refuses_without(provider, path, args, damage);
    }
}

/// What is wrong with the image, and whether the policy is mounted.
struct Damage {
    script: &'static str,
    keeps_policy: bool,
}

const fn damaged(script: &'static str) -> Damage {
    Damage {
        script,
        keeps_policy: true,
    }
}

/// The links at the places of the tools stay; only the guard's own name is taken away.
const DAMAGES: &[Damage] = &[
    damaged("rm /usr/local/lib/scc/guard"),
    damaged(
        "rm /usr/local/lib/scc/guard; printf '#!/bin/sh\\nexit 1\\n' > /usr/local/lib/scc/guard; \
         chmod +x /usr/local/lib/scc/guard",
    ),
    damaged(
        "rm /usr/local/lib/scc/guard; printf '#!/bin/sh\\nkill -9 $$\\n' > /usr/local/lib/scc/guard; \
         chmod +x /usr/local/lib/scc/guard",
    ),
    damaged(
        "rm /usr/local/lib/scc/guard; printf '#!/bin/sh\\nexec sleep 100\\n' > \
         /usr/local/lib/scc/guard; chmod +x /usr/local/lib/scc/guard",
    ),
    damaged("rm /usr/bin/timeout"),
    Damage {
        script: "true",
        keeps_policy: false,
    },
    Damage {
        script: "mkdir -p /etc/scc; echo '{' > /etc/scc/safety.json",
        keeps_policy: false,
    },
];
