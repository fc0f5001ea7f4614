//! The first process of a sandbox.

use scc_testkit::wait_for;
use serde_json::json;

use crate::support::{LIMIT, Session, agent, command, context, scc};

/// Each is somebody else's child, and then nobody's.
#[test]
fn what_others_leave_behind_is_taken_over() {
    let context = context();
    let script = "
        left=
        for i in 1 2 3 4 5 6 7 8; do
            left=\"$left $(sh -c 'sleep 0.1 </dev/null >/dev/null 2>&1 & echo $!')\"
        done
        for pid in $left; do
            grep -q '^PPid:.1$' /proc/$pid/status && echo adopted
        done
        for pid in $left; do
            timeout 20 sh -c \"while [ -e /proc/$pid ]; do sleep 0.05; done\" || echo stays
        done";
    let seen = agent(&context, script);
    assert!(seen.contains("adopted"), "{seen}");
    assert!(!seen.contains("stays"), "{seen}");
}

/// What is refused at the first process succeeds at a process of the agent's own.
const ATTACK: &str = r#"
use strict;
my ($ptrace, $get_fd, $open_pid) = (`uname -m` =~ /x86_64/ ? 101 : 117, 438, 434);
my $own = fork();
if (!$own) { sleep 1000; exit }
for my $pid ($own, 1) {
    my $who = $pid == 1 ? "init" : "own";
    my $said = sub { print "$who $_[0] ", ($_[1] ? "done" : "refused"), "\n" };
    $said->("environ", open(my $file, "<", "/proc/$pid/environ"));
    $said->("memory", open(my $memory, "+<", "/proc/$pid/mem"));
    $said->("files", opendir(my $files, "/proc/$pid/fd"));
    my $handle = syscall($open_pid, $pid, 0);
    $said->("descriptor", $handle >= 0 && syscall($get_fd, $handle, 0, 0) >= 0);
    $said->("trace", syscall($ptrace, 16, $pid, 0, 0) == 0);
    kill $_, $pid for qw(STOP TTIN TTOU KILL);
}
waitpid $own, 0;
print "own killed\n" if $? & 127;
open(my $stat, "<", "/proc/1/stat");
print "init runs\n" if readline($stat) =~ /\) [^TtZX] /;
"#;

#[test]
fn the_agent_can_neither_stop_nor_trace_nor_read_it() {
    let context = context();
    let run = scc(&context, &["start", "--fresh", "--", "perl", "-e", ATTACK]).ok();
    let things = ["environ", "memory", "files", "descriptor", "trace"];
    for thing in things {
        for (who, outcome) in [("own", "done"), ("init", "refused")] {
            let line = format!("{who} {thing} {outcome}\n");
            assert!(run.stdout.contains(&line), "no `{line}` in {}", run.stdout);
        }
    }
    assert!(run.stdout.contains("own killed\ninit runs\n"), "{run:?}");
}

#[test]
fn the_status_is_the_agents() {
    let context = context();
    for (script, status) in [("exit 7", 7), ("kill -KILL $$", 137), ("kill -HUP $$", 129)] {
        let run = scc(&context, &["start", "--fresh", "--", "bash", "-c", script]);
        assert_eq!(run.status, status, "{run:?}");
    }
    let run = scc(&context, &["start", "--fresh", "--", "no-such-program"]);
    assert_eq!(run.status, 127, "{run:?}");
    assert!(run.stderr.contains("no-such-program"), "{run:?}");
}

/// To the agent and to what it has started.
#[test]
fn signals_of_the_engine_reach_the_agents_group() {
    let context = context();
    let script = "trap 'echo agent' USR1
        bash -c 'trap \"echo child; exit\" USR1; echo ready; while :; do sleep 0.1; done' &
        wait; wait; echo end";
    let args = ["start", "--non-interactive", "--", "bash", "-c", script];
    let mut session = Session::of(&context, command(&context, &args));
    let engine = context.engine();
    let id = engine.sessions(context.namespace())[0]["Id"].clone();
    let id = id.as_str().unwrap();
    let said = || scc(&context, &["logs"]).stdout;
    wait_for("the child", LIMIT, || {
        said().contains("ready").then_some(())
    });
    let (status, _) = engine.request("POST", &format!("/containers/{id}/kill?signal=USR1"), None);
    assert_eq!(status, 204);
    assert_eq!(session.wait(), Some(0));
    let said = said();
    for word in ["agent\n", "child\n", "end\n"] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
}

#[test]
fn it_is_the_guard_and_not_the_engines() {
    let context = context();
    let _session = Session::start(&context, &[]);
    let engine = context.engine();
    let id = engine.sessions(context.namespace())[0]["Id"].clone();
    let container = engine.get(&format!("/containers/{}/json", id.as_str().unwrap()));
    assert_eq!(container["HostConfig"]["Init"], false);
    let guard = json!(["/usr/local/lib/scc/guard"]);
    assert_eq!(container["Config"]["Entrypoint"], guard);
    assert_eq!(container["Config"]["Cmd"][0], "init");
}
