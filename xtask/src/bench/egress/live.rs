//! How soon a host counts that is added to a running sandbox, and how soon it is gone.

use std::time::{Duration, Instant};

use super::super::{median, report};
use super::load::PROXY;
use super::world::{ASKED, Talk, World};
use crate::run::{Outcome, say};

const CHANGES: usize = 10;
/// What it may take until an added host can be reached.
const AIM: Duration = Duration::from_secs(1);

/// Each from the start of the command on: until a request in the sandbox succeeds, which is tried every
/// five milliseconds, and until an open tunnel ends.
pub(super) fn changes(world: &World) -> Outcome<()> {
    let (mut reached, mut cut) = (Vec::new(), Vec::new());
    for _ in 0..CHANGES {
        let allow = ["network", "allow", ASKED, "--ttl", "1h"];
        reached.push(until(world, ("reach", "refused", "reached"), &allow)?);
        let withdraw = ["network", "allow", ASKED, "--withdraw"];
        cut.push(until(world, ("hold", "open", "cut"), &withdraw)?);
    }
    let reached = median(reached);
    report("network allow, until it is reached", reached);
    report("--withdraw, until a tunnel is cut", median(cut));
    if reached > AIM {
        say(&format!("  that is over the aim of {} ms", AIM.as_millis()));
    }
    Ok(())
}

/// The time from the start of a command until the client in the sandbox, which has said the first
/// word, says the second.
fn until(
    world: &World,
    (what, first, second): (&str, &str, &str),
    args: &[&str],
) -> Outcome<Duration> {
    let client = world.client(&[what, PROXY, world.internet.hosts(), ASKED]);
    let client: Vec<_> = client.iter().map(String::as_str).collect();
    let mut client = Talk::with(world.command(&client))?;
    client.hear(first)?;
    let begin = Instant::now();
    let change = Talk::with(world.command(args))?;
    client.hear(second)?;
    let elapsed = begin.elapsed();
    change.end()?;
    client.end()?;
    Ok(elapsed)
}
