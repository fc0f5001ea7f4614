//! What enforced egress costs: time of a launch and of requests, and memory; and how soon a host counts
//! that is added to a running sandbox, or taken away.

mod launch;
mod live;
mod load;
mod world;

use std::path::Path;

use scc_testkit::engine::Engine;

use crate::run::Outcome;
use world::World;

/// What it adds to a launch.
pub(super) fn start(scc: &Path, engine: &Engine) -> Outcome<()> {
    launch::added(&World::new(scc, engine)?)
}

/// What it costs while a session runs.
pub(super) fn session(scc: &Path, engine: &Engine) -> Outcome<()> {
    let world = World::new(scc, engine)?;
    let session = world.session(&world.context.workspace())?;
    load::requests(&world)?;
    live::changes(&world)?;
    drop(session);
    Ok(())
}
