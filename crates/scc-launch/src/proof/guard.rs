//! The attempts on the guard, under the rules that apply.

use scc_config::{NetworkTool, SafetyAction, SafetyNet};
use scc_safety::Group;

use super::claims::ClaimId;
use super::report::{Attempt, AttemptOutcome, Claim};
use crate::probes::{Effect, Expectation, Outcome, Probe, safety_probes};
use crate::safety::safety_policy;

/// Where the attempts are made.
const TRIED_IN: &str = "/tmp/scc-probes";
const LET_THROUGH: &str = "the rules let destructive commands through";

/// The probes that say something under these rules: an attempt with a command that the rules let
/// through shows nothing.
pub(super) fn probes(net: &SafetyNet) -> Vec<Probe> {
    if net.action == SafetyAction::Allow {
        return Vec::new();
    }
    let mut probes = safety_probes();
    probes.retain(|probe| match probe.expectation {
        Expectation::Stopped => net.action == SafetyAction::Block && applies(&probe.script, net),
        Expectation::Undisturbed => true,
        // No claim: the documents name them.
        Expectation::OutOfScope(_) => false,
    });
    probes
}

/// Whether everything that a script could be stopped for is stopped. A script of several commands
/// counts only when all of them are.
fn applies(script: &str, net: &SafetyNet) -> bool {
    let policy = safety_policy(net);
    let words = [
        ("push", Group::ForcePush),
        ("psuh", Group::ForcePush),
        ("send-pack", Group::ForcePush),
        ("--delete", Group::RemoteDelete),
        ("mirror", Group::RemoteDelete),
        ("reset", Group::ResetHard),
        ("checkout", Group::CheckoutRestore),
        ("restore", Group::CheckoutRestore),
        ("switch", Group::CheckoutRestore),
        ("read-tree", Group::CheckoutRestore),
        ("clean", Group::Clean),
    ];
    let tools = [
        ("curl ", NetworkTool::Curl),
        ("ssh ", NetworkTool::Ssh),
        ("scp ", NetworkTool::Scp),
        ("sftp ", NetworkTool::Sftp),
    ];
    let is_on = |(word, group): &(&str, Group)| !script.contains(word) || policy.is_on(*group);
    let is_stopped = |(word, tool): &(&str, NetworkTool)| {
        let allowed = !net.block_network_tools || net.allowed_network_tools.contains(tool);
        !script.contains(word) || !allowed
    };
    words.iter().all(is_on) && tools.iter().all(is_stopped) && !is_disposable(script, net)
}

/// Whether uncommitted work may be discarded where the attempts are made.
fn is_disposable(script: &str, net: &SafetyNet) -> bool {
    let mut folders = net.disposable_worktrees.iter();
    let covered = folders.any(|folder| TRIED_IN.starts_with(folder.as_str()));
    covered && !script.contains("push")
}

/// The claims about the guard; a probe of which nothing was said has failed.
pub(super) fn judge(
    net: &SafetyNet,
    probes: &[Probe],
    outcomes: &[Outcome],
    said: &str,
    recorded: bool,
) -> Vec<Claim> {
    let of = |wanted: Expectation| -> Vec<Attempt> {
        let own = probes.iter().filter(|probe| probe.expectation == wanted);
        own.map(|probe| attempt(probe, outcomes, said)).collect()
    };
    let stopped = of(Expectation::Stopped);
    let (stops, runs) = (
        net.action == SafetyAction::Block,
        net.action != SafetyAction::Allow,
    );
    let why = recorded.then_some("what the guard refused was found");
    let why = why.unwrap_or("nothing was found");
    let records = vec![Attempt::new("the collector's file", recorded, why)];
    let none = |id| Claim::not_applicable(id, LET_THROUGH, Vec::new());
    vec![
        match stops && !stopped.is_empty() {
            true => Claim::judged(ClaimId::Guard, stopped),
            false => none(ClaimId::Guard),
        },
        match stops {
            true => Claim::judged(ClaimId::RefusalsRecorded, records),
            false => none(ClaimId::RefusalsRecorded),
        },
        match runs {
            true => Claim::judged(ClaimId::EverydayWork, of(Expectation::Undisturbed)),
            false => none(ClaimId::EverydayWork),
        },
    ]
}

fn attempt(probe: &Probe, outcomes: &[Outcome], said: &str) -> Attempt {
    let Some(found) = outcomes.iter().find(|outcome| outcome.name == probe.name) else {
        return Attempt::new(probe.name, false, format!("it was not made: {said}"));
    };
    let effect = match found.effect {
        Effect::Done => "something was lost",
        Effect::Nothing => "nothing was lost",
        Effect::Absent => "a program that it needs is not there",
    };
    Attempt {
        what: probe.name.to_owned(),
        outcome: match found.is_as_expected(probe) {
            Some(true) => AttemptOutcome::Held,
            Some(false) => AttemptOutcome::Failed,
            None => AttemptOutcome::Moot,
        },
        detail: format!("{effect}, status {}: {}", found.status, found.said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::report::ClaimState;

    fn stopped(net: &SafetyNet) -> usize {
        let probes = probes(net);
        let stopped = |probe: &&Probe| probe.expectation == Expectation::Stopped;
        probes.iter().filter(stopped).count()
    }

    #[test]
    fn only_what_the_rules_stop_is_tried() {
        let full = SafetyNet::default();
        assert!(stopped(&full) > 100);
        let curl = SafetyNet {
            allowed_network_tools: vec![NetworkTool::Curl],
            ..SafetyNet::default()
        };
        assert_eq!(stopped(&full) - stopped(&curl), 4);
        let pushes = SafetyNet {
            block_force_push: false,
            ..SafetyNet::default()
        };
        assert!(stopped(&pushes) > 10 && stopped(&pushes) < 40);
        let discards = SafetyNet {
            disposable_worktrees: vec!["/tmp".to_owned()],
            ..SafetyNet::default()
        };
        assert!(stopped(&discards) < stopped(&full));
        let warn = SafetyNet {
            action: SafetyAction::Warn,
            ..SafetyNet::default()
        };
        assert_eq!(stopped(&warn), 0);
        assert!(!probes(&warn).is_empty());
    }

    #[test]
    fn without_outcomes_the_guard_has_failed() {
        let net = SafetyNet::default();
        let claims = judge(&net, &probes(&net), &[], "no shell", false);
        assert!(claims.iter().all(|claim| claim.state == ClaimState::Failed));
        let off = SafetyNet {
            action: SafetyAction::Allow,
            ..SafetyNet::default()
        };
        let claims = judge(&off, &probes(&off), &[], "", false);
        assert!(
            claims
                .iter()
                .all(|claim| claim.state == ClaimState::NotApplicable)
        );
    }
}
