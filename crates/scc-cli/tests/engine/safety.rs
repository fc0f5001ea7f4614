//! The guard in the sandbox, attacked.

use scc_launch::probes::{Effect, Expectation, Outcome, Probe, outcomes, safety_probes, script};
use scc_testkit::context::TestContext;
use serde_json::json;

use crate::support::{Session, agent, scc};

/// What probes need besides what every image has.
const PROGRAMS: &[&str] = &[
    "cargo",
    "make",
    "nodejs",
    "npm",
    "python3",
    "python3-pip",
    "python3-setuptools",
    "python3-wheel",
];

/// A context with these rules for the safety net, and where `programs`, with everything that
/// probes need in the image.
pub(crate) fn with_net(net: &str, programs: bool) -> TestContext {
    let context = TestContext::with_engine();
    let org = context.path("org.yaml");
    let text = format!(
        "schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n\
         security: {{safety_net: {net}}}\n"
    );
    std::fs::write(&org, text).unwrap();
    let engine = context.engine();
    let base = match programs {
        true => engine.image_with(PROGRAMS),
        false => engine.base_image().to_owned(),
    };
    context.configure(&json!({
        "standalone": false,
        "organization": { "source": org },
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
        "images": { "base": base },
    }));
    context
}

/// These probes, and what came of them in a sandbox with these rules.
fn probed(net: &str, probes: Vec<Probe>) -> Vec<(Probe, Outcome)> {
    let context = with_net(net, true);
    let found = outcomes(&agent(&context, &script(&probes)));
    assert_eq!(found.len(), probes.len());
    let pairs: Vec<_> = probes.into_iter().zip(found).collect();
    assert!(pairs.iter().all(|(probe, found)| probe.name == found.name));
    pairs
}

/// Those that did not come as wanted, one a line.
fn all(pairs: &[(Probe, Outcome)], wanted: impl Fn(&Probe, &Outcome) -> bool) {
    let wrong: Vec<_> = pairs
        .iter()
        .filter(|(probe, found)| !wanted(probe, found))
        .map(
            |(
                _,
                Outcome {
                    name,
                    effect,
                    status,
                    said,
                },
            )| { format!("{name}: {effect:?}, {status}: {said}") },
        )
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What no check by name can stop is not stopped, and another layer is named for it. The rest of the
/// matrix is tried by `scc prove`.
#[test]
fn what_no_check_by_name_can_stop() {
    let mut probes = safety_probes();
    probes.retain(|probe| matches!(probe.expectation, Expectation::OutOfScope(_)));
    assert!(!probes.is_empty());
    all(&probed("{action: block}", probes), |probe, found| {
        found.is_as_expected(probe) == Some(true)
    });
}

/// A probe that does nothing where nothing is judged would prove nothing.
#[test]
fn without_the_net_every_way_works() {
    all(
        &probed("{action: allow}", safety_probes()),
        |probe, found| match probe.expectation {
            Expectation::Stopped | Expectation::OutOfScope(_) => found.effect == Effect::Done,
            Expectation::Undisturbed => found.status == 0,
        },
    );
}

/// What a refused agent reads, and what its shell sees.
#[test]
fn a_refusal_tells_the_rule_the_reason_and_the_alternative() {
    let context = with_net("{action: block}", false);
    let seen = agent(
        &context,
        "git push --force 2>&1; echo $?; SCC_SAFETY_FORMAT=json git push --force 2>&1; \
         wget x 2>/dev/null; echo $?; rsync --version; echo $?",
    );
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[0], "scc refused `git push --force` (git.push.force)");
    assert!(lines[1].starts_with("  why: ") && lines[2].starts_with("  instead: "));
    assert_eq!(lines[3], "126");
    let object: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    assert_eq!(object["schema"], 1);
    assert_eq!(object["decision"], "refuse");
    assert_eq!(object["findings"][0]["rule"], "git.push.force");
    // Refused although it is not installed; and not installed where it is allowed.
    assert_eq!(&lines[5..], ["126", "127"]);
}

#[test]
fn warnings_warn_and_let_it_run() {
    let context = with_net("{action: warn}", false);
    let run = scc(
        &context,
        &[
            "start",
            "--fresh",
            "--",
            "bash",
            "-c",
            "echo x > README && git reset --hard --quiet && cat README",
        ],
    )
    .ok();
    assert_eq!(run.stdout, "a workspace\n");
    assert!(
        run.stderr
            .contains("scc warns about `git reset --hard --quiet`"),
        "{run:?}"
    );
}

#[test]
fn a_switch_turns_its_group_off_and_nothing_else() {
    let context = with_net(
        "{block_reset_hard: false, allowed_network_tools: [curl]}",
        false,
    );
    let seen = agent(
        &context,
        "echo x > README; git reset --hard --quiet; cat README; git push --force 2>&1; \
         curl -s file:///etc/hostname; ssh h.example 2>&1; true",
    );
    assert!(
        seen.starts_with("a workspace\nscc refused `git push --force`"),
        "{seen}"
    );
    assert!(seen.contains("\nscc\n"), "{seen}");
    assert!(seen.contains("scc refused `ssh h.example`"), "{seen}");
}

/// Uncommitted work may be discarded where the organization says so, and nowhere else, by whatever
/// name.
#[test]
fn disposable_work_trees_are_where_the_organization_says() {
    let context = with_net("{disposable_worktrees: [/tmp/trees]}", false);
    let seen = agent(
        &context,
        "mkdir /tmp/trees; git worktree add --quiet --detach /tmp/trees/a
        cd /tmp/trees/a; echo x > README; git reset --hard --quiet; cat README
        cd -; echo mine > README; ln -s \"$PWD\" /tmp/trees/b
        git reset --hard; git -C /tmp/trees/b reset --hard; git -C /tmp/trees/a push --force
        git -C /tmp/trees/a --work-tree=\"$PWD\" reset --hard
        cd /tmp/trees; GIT_DIR=$OLDPWD/.git GIT_WORK_TREE=$OLDPWD git checkout -- README
        GIT_WORK_TREE=/tmp/trees/a git -C b --work-tree=. restore README
        cat b/README",
    );
    let lines: Vec<_> = seen.lines().collect();
    let last = lines.last().copied();
    assert_eq!((lines[0], last), ("a workspace", Some("mine")), "{seen}");
}

/// A plan shows what the sandbox will do, in the words of the rules.
#[test]
fn a_plan_shows_the_net() {
    let context = with_net("{block_clean: false}", false);
    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let decisions = plan["data"]["decisions"].as_array().unwrap();
    let net = decisions
        .iter()
        .find(|d| d["subject"] == "safety net")
        .unwrap();
    assert_eq!(net["value"], "block, but for clean");
    assert!(
        net["reason"].as_str().unwrap().contains("org.yaml:3"),
        "{net}"
    );
    let mounts = plan["data"]["mounts"].as_array().unwrap();
    assert!(
        mounts
            .iter()
            .any(|m| m["target"] == "/etc/scc" && m["read_only"] == true)
    );
}

/// Whoever enters later is judged too.
#[test]
fn commands_that_are_run_in_a_sandbox_are_judged() {
    let context = with_net("{action: block}", false);
    let _session = Session::start(&context, &[]);
    let run = scc(&context, &["exec", "--", "git", "push", "--force"]);
    assert_eq!(run.status, 126, "{run:?}");
    assert!(run.stderr.contains("git.push.force"), "{run:?}");
    assert_eq!(scc(&context, &["exec", "--", "git", "--version"]).status, 0);
}
