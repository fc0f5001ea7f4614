//! What the guard adds to a git command in a sandbox.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use scc_testkit::context::TestContext;

use super::{command, report};
use crate::run::{Outcome, root};

/// What the guard may add.
const LIMIT: Duration = Duration::from_millis(1);

/// Starts git and the guard in its place by turns, so that what else the machine does meets both,
/// and prints the median of either in nanoseconds.
const SCRIPT: &str = r#"
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
open STDERR, ">", "/dev/null";
my @programs = ("/usr/local/lib/scc/r/0", "/usr/bin/git");
my @times = ([], []);
for (1 .. 300) {
    for my $which (0, 1) {
        my $begin = clock_gettime(CLOCK_MONOTONIC);
        my $pid = fork // die;
        if (!$pid) {
            open STDOUT, ">", "/dev/null";
            exec { $programs[$which] } "git", "--version";
            exit 1;
        }
        waitpid $pid, 0;
        die if $?;
        push @{$times[$which]}, clock_gettime(CLOCK_MONOTONIC) - $begin;
    }
}
for my $all (@times) {
    my @sorted = sort { $a <=> $b } @$all;
    printf "%d\n", 1e9 * $sorted[@sorted / 2];
}
"#;

/// Reports `git --version` in a sandbox, with the guard and without, and how long the judging of texts
/// takes. Fails where either takes too long, but for a debug build.
pub(super) fn measure(context: &TestContext, scc: &Path, host: &str, debug: bool) -> Outcome<()> {
    let added = overhead(context, scc, host)?;
    if debug {
        return Ok(());
    }
    let judged = judging();
    if added > LIMIT {
        return Err(format!("the guard adds more than {} ms", LIMIT.as_millis()));
    }
    judged
}

fn overhead(context: &TestContext, scc: &Path, host: &str) -> Outcome<Duration> {
    let args = ["start", "--", "perl", "-e", SCRIPT];
    let output = command(context, scc, host, &args)
        .output()
        .map_err(|error| format!("scc start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<_> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let [bare, guarded] = times.as_slice() else {
        return Err(format!("the guard could not be measured: {output:?}"));
    };
    let (bare, guarded) = (Duration::from_nanos(*bare), Duration::from_nanos(*guarded));
    let added = guarded.saturating_sub(bare);
    report("git --version in a sandbox, unguarded", bare);
    report("git --version in a sandbox", guarded);
    report("what the guard adds", added);
    Ok(added)
}

/// That program itself fails where a text takes too long.
fn judging() -> Outcome<()> {
    let mut bench = Command::new(env!("CARGO"));
    let args = [
        "bench",
        "--quiet",
        "-p",
        "scc-safety",
        "--bench",
        "evaluate",
    ];
    crate::run::run(bench.args(args).current_dir(root()))
}
