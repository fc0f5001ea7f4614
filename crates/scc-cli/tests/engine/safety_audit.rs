//! What was refused in a sandbox, in the audit log of the host.

use scc_testkit::context::TestContext;
use serde_json::Value;

use crate::safety::with_net;
use crate::support::{Session, agent, scc};

/// The events that `scc audit safety` shows: name and facts, the latest last.
fn recorded(context: &TestContext) -> Vec<(String, Value)> {
    let data = scc(context, &["audit", "safety", "--json"]).ok().json()["data"].clone();
    let events = data.as_array().unwrap().iter();
    events
        .map(|event| {
            let name = event["event"].as_str().unwrap().to_owned();
            (name, event["data"].clone())
        })
        .collect()
}

/// Events as `NAME SURFACE RULE COMMAND`.
fn lines(context: &TestContext) -> Vec<String> {
    let all = recorded(context);
    let line = |(name, facts): &(String, Value)| {
        let finding = &facts["findings"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let [surface, rule, command] = [&facts["surface"], &finding["rule"], &finding["command"]];
        format!("{name} {} {} {}", text(surface), text(rule), text(command))
    };
    all.iter().map(line).collect()
}

const HOOK: &str = "echo '{\"tool_input\":{\"command\":\"git clean -fdx\"}}' | \
                    /usr/local/lib/scc/guard hook";

#[test]
fn refusals_reach_the_log_of_the_host() {
    let context = with_net("{action: block}", false);
    let script = format!("git push --force; {HOOK}; git status --short; curl x; true");
    agent(&context, &script);
    assert_eq!(
        lines(&context),
        [
            "safety.refused guard git.push.force git push --force",
            "safety.refused hook git.clean.force git clean -fdx",
            "safety.refused guard network.curl curl x",
        ]
    );
    let shown = scc(&context, &["audit", "safety"]).ok().stdout;
    assert!(shown.contains("git.push.force"), "{shown}");
    // Once each, and the chain of the log is whole.
    assert_eq!(recorded(&context).len(), 3);
    scc(&context, &["audit", "verify"]).ok();
}

#[test]
fn warnings_reach_it_too() {
    let context = with_net("{action: warn}", false);
    agent(&context, "git stash clear");
    assert_eq!(
        lines(&context),
        ["safety.warned guard git.stash.clear git stash clear"]
    );
}

#[test]
fn a_running_session_is_asked() {
    let context = with_net("{action: block}", false);
    let _session = Session::start(&context, &[]);
    for count in 1..3 {
        let run = scc(&context, &["exec", "--", "git", "reset", "--hard"]);
        assert_eq!(run.status, 126, "{run:?}");
        let wanted = "safety.refused guard git.reset.hard git reset --hard";
        assert_eq!(lines(&context), vec![wanted; count]);
    }
}

/// The agent cannot read, change or remove what is recorded, nor end what records it.
#[test]
fn a_record_is_out_of_the_agents_reach() {
    let context = with_net("{action: block}", false);
    let script = "git push --force 2>/dev/null
        cd /var/lib/scc
        ls . && echo listed; cat events && echo read; : > events && echo truncated
        echo '{}' >> events && echo appended; rm -f events socket; mv events x && echo moved
        chmod 777 . events && echo opened; touch x && echo made
        rm -rf /var/lib/scc; mv /var/lib/scc /tmp/x && echo moved
        for p in /proc/[0-9]*; do
            case \"$(tr '\\0' ' ' < $p/cmdline)\" in
                '/usr/local/lib/scc/guard collect '*) ;; *) continue ;; esac
            kill -9 ${p#/proc/} && echo killed; kill -STOP ${p#/proc/} && echo stopped
            head -c 1 $p/mem && echo seen; ls $p/fd && echo seen
            found=$p
        done 2>/dev/null
        test -n \"$found\" || echo 'no collector'
        cd ~; git reset --hard 2>/dev/null; true";
    let seen = agent(&context, script);
    assert_eq!(seen, "");
    assert_eq!(
        lines(&context),
        [
            "safety.refused guard git.push.force git push --force",
            "safety.refused guard git.reset.hard git reset --hard",
        ]
    );
}

/// An agent can send false records. They are told as what a sandbox reports, of this session, and
/// what they can hold is small; nothing else of the log is touched.
#[test]
fn false_records_stay_reports_of_the_sandbox() {
    let context = with_net("{action: block}", false);
    let script = r#"git stash clear 2>/dev/null; perl -MIO::Socket::UNIX -e '
        # The collector hangs up on what is too long before all of it is sent.
        $SIG{PIPE} = "IGNORE";
        sub say_to { my $s = IO::Socket::UNIX->new("/var/lib/scc/socket") or die; print $s $_[0];
            shutdown $s, 1; local $/; return scalar <$s>; }
        my $big = "x" x 200000;
        say_to($_) for "", "{", "not json\n{}", q({"decision":"allow"}), $big,
            q({"schema":1,"event":"launch.ended","decision":"refuse","surface":"guard",
               "findings":[],"session":"other"});
        say_to(q({"schema":1,"decision":"refuse","surface":"guard","findings":)
            . q([{"rule":"made.up","command":"\u001b[2Jnothing"}]}));
        my $held = IO::Socket::UNIX->new("/var/lib/scc/socket");
        system("git", "push", "--force");'"#;
    agent(&context, script);
    let all = recorded(&context);
    assert!(all.iter().all(|(name, facts)| {
        name == "safety.refused"
            && facts["reported_by"] == "sandbox"
            && facts.get("session") != Some(&Value::from("other"))
    }));
    let rules: Vec<_> = all
        .iter()
        .filter_map(|(_, facts)| facts["findings"][0]["rule"].as_str())
        .collect();
    assert_eq!(
        rules,
        ["git.stash.clear", "made.up", "git.push.force"],
        "{all:?}"
    );
    let shown = scc(&context, &["audit", "safety"]).ok().stdout;
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    scc(&context, &["audit", "verify"]).ok();
}

/// Where nothing is judged nothing is recorded, and no collector runs.
#[test]
fn without_the_net_there_is_no_collector() {
    let context = with_net("{action: allow}", false);
    let seen = agent(
        &context,
        "git stash clear; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; test ! -e /var/lib/scc/socket",
    );
    assert!(!seen.contains("guard collect"), "{seen}");
    assert!(recorded(&context).is_empty());
}

/// An agent that fills the record hides what it does next, and that is told: to it, at the end of the
/// session, and by the log. What may run only when that is recorded does not run any more.
#[test]
fn a_full_record_is_told_everywhere() {
    let context = with_net("{action: warn}", false);
    let script = r#"perl -MIO::Socket::UNIX -e '
        my $big = "x" x 30000;
        for (1..40) {
            my $s = IO::Socket::UNIX->new("/var/lib/scc/socket") or redo;
            print $s qq({"schema":1,"decision":"warn","surface":"guard",)
                . qq("findings":[{"rule":"made.up","command":"$big"}]});
            shutdown $s, 1; local $/; <$s>;
        }'
        git stash clear 2>&1; true"#;
    let run = scc(&context, &["start", "--fresh", "--", "bash", "-c", script]).ok();
    let refused = "scc refused `git stash clear` (record.full)";
    assert!(run.stdout.starts_with(refused), "{run:?}");
    assert!(run.stdout.contains("`scc start`"), "{run:?}");
    assert!(
        run.stderr.contains("record of refused commands was full"),
        "{run:?}"
    );
    for _ in 0..2 {
        let run = scc(&context, &["audit", "safety", "--json", "-n", "1000"]).ok();
        let envelope = run.json();
        let all = envelope["data"].as_array().unwrap();
        let told = |event: &&Value| event["event"] == "safety.record-full";
        assert_eq!(all.iter().filter(told).count(), 1);
        assert!(all.len() > 30, "{}", all.len());
        let warnings = envelope["status"]["warnings"].to_string();
        assert!(warnings.contains("is full"), "{warnings}");
    }
    scc(&context, &["audit", "verify"]).ok();
}
