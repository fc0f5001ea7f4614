//! Proving a sandbox: it is started as a launch would start it, with the attempts of the escape
//! suite instead of the agent, and what came of them is reported claim by claim.
//!
//! Whatever was not tried, because something that it takes did not work, counts as failed.

mod attempts;
mod claims;
mod facts;
mod guard;
mod mounts;
mod report;
mod run;

pub use claims::ClaimId;
pub use scc_relay::probe::Check;

pub use report::{Attempt, AttemptOutcome, Claim, ClaimState, Proof};
pub use run::Proved;
