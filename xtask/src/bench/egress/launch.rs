//! What enforced egress adds to a launch.

use std::time::Duration;

use super::super::{median, report, scc_output};
use super::world::{ENFORCED, OPEN, World};
use crate::run::{Outcome, say};

const LAUNCHES: usize = 15;
/// What it may add where nothing of the rules is on the engine, and where a session of the same rules
/// runs. Each session has a proxy of its own, so one is started either way.
const ALONE: Duration = Duration::from_millis(400);
const BESIDE: Duration = Duration::from_millis(150);

pub(super) fn added(world: &World) -> Outcome<()> {
    compare(world, "alone", ALONE)?;
    let mut others = Vec::new();
    for (policy, name) in [(OPEN, "beside-open"), (ENFORCED, "beside-enforced")] {
        world.rule(policy)?;
        others.push(world.session(&world.context.repository(name))?);
    }
    compare(world, "beside another session", BESIDE)?;
    drop(others);
    world.run(&["stop", "--all"])
}

/// Both policies by turns, so that what else the machine does meets both, each time to the agent's
/// first output, and without what an earlier session of the workspace has left.
fn compare(world: &World, when: &str, aim: Duration) -> Outcome<()> {
    let (mut open, mut enforced) = (Vec::new(), Vec::new());
    for _ in 0..LAUNCHES {
        for (policy, times) in [(OPEN, &mut open), (ENFORCED, &mut enforced)] {
            world.rule(policy)?;
            world.run(&["prune"])?;
            let start = ["start", "--", "echo", "first"];
            times.push(scc_output(&mut world.command(&start))?);
        }
    }
    let (open, enforced) = (median(open), median(enforced));
    report(&format!("scc start, {OPEN}, {when}"), open);
    report(&format!("scc start, enforced, {when}"), enforced);
    let added = enforced.saturating_sub(open);
    report(&format!("what enforcing adds, {when}"), added);
    if added > aim {
        say(&format!("  that is over the aim of {} ms", aim.as_millis()));
    }
    Ok(())
}
