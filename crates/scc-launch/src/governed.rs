//! What the rules mean for a launch: what they refuse, and what they set.

use jiff::{SignedDuration, Timestamp};
use scc_config::{NetworkPolicy, ResourcesSection};
use scc_policy::{EffectivePolicy, ItemKind, Layer};
use scc_runtime::Network;

use crate::unsupported::Unsupported;
use crate::{Blocker, BlockerKind, Decision, safety};

/// The subject of what the rules keep out of a personal profile.
pub const KEPT_OUT: &str = "your profile";

/// Everything in the rules that stands against a launch of this provider. What this version cannot
/// enforce or deliver is refused, not left out.
pub(crate) fn refusals(policy: &EffectivePolicy, provider: &str, name: &str) -> Vec<Blocker> {
    let mut refusals: Vec<Blocker> = Vec::new();
    if !policy.allowed_providers.iter().any(|id| id == provider) {
        refusals.push(provider_refused(policy, provider, name));
    }
    let unsupported = Unsupported::ALL.into_iter();
    refusals.extend(
        unsupported
            .filter_map(|what| what.refused_in(policy))
            .map(|message| Blocker {
                kind: BlockerKind::Refused,
                message,
                hint: "see where it comes from: scc config explain".to_owned(),
            }),
    );
    refusals
}

fn provider_refused(policy: &EffectivePolicy, provider: &str, name: &str) -> Blocker {
    let decision = policy
        .decisions
        .iter()
        .find(|decision| decision.kind == ItemKind::Provider && decision.item == provider);
    let why = decision.map_or_else(String::new, |decision| format!(": {}", reason(decision)));
    let allowed = match policy.allowed_providers.is_empty() {
        true => "none is allowed; ask whoever keeps the organization's rules".to_owned(),
        false => format!(
            "use an allowed one: scc start --provider {}",
            policy.allowed_providers.join("|")
        ),
    };
    Blocker {
        kind: BlockerKind::Refused,
        message: format!("{name} may not be used{why}"),
        hint: allowed,
    }
}

/// Why something was decided, with the rule and its place.
fn reason(decision: &scc_policy::Decision) -> String {
    let place = match decision.rule.as_ref() {
        Some(rule) => match (&rule.file, rule.line) {
            (Some(file), Some(line)) => format!(" (`{}`, {file}:{line})", rule.text),
            _ => format!(" (`{}`)", rule.text),
        },
        None => String::new(),
    };
    format!("{}{place}", decision.message)
}

/// What of the personal profile the rules do not let in.
fn kept_out(policy: &EffectivePolicy) -> impl Iterator<Item = Decision> {
    let decisions = policy.decisions.iter();
    let refused = decisions.filter(|decision| {
        decision.layer == Layer::Personal && decision.outcome != scc_policy::Outcome::Allowed
    });
    refused.map(|decision| Decision {
        subject: KEPT_OUT,
        value: format!("{}: not let in", decision.item),
        reason: reason(decision),
    })
}

/// The network of a sandbox. Enforced egress begins with none.
pub(crate) fn network(policy: &EffectivePolicy) -> Network {
    match policy.network_policy.value {
        NetworkPolicy::Open => Network::Open,
        NetworkPolicy::WebEgressEnforced | NetworkPolicy::LockedDownWeb => Network::None,
    }
}

/// When the sandbox has to be stopped.
pub(crate) fn expiry(
    policy: &EffectivePolicy,
    hour: SignedDuration,
    now: Timestamp,
) -> Option<Timestamp> {
    let hours = policy.session.timeout_hours.as_ref()?.value;
    now.checked_add(hour * i32::try_from(hours).ok()?).ok()
}

/// The user's limits, none above the organization's.
pub(crate) fn resources(policy: &EffectivePolicy, user: &ResourcesSection) -> ResourcesSection {
    let most = &policy.resources.value;
    ResourcesSection {
        memory: match (user.memory, most.memory) {
            (Some(user), Some(most)) if user.bytes() > most.bytes() => Some(most),
            (user, most) => user.or(most),
        },
        cpus: match (user.cpus, most.cpus) {
            (Some(user), Some(most)) => Some(user.min(most)),
            (user, most) => user.or(most),
        },
        pids: match (user.pids, most.pids) {
            (Some(user), Some(most)) => Some(user.min(most)),
            (user, most) => user.or(most),
        },
    }
}

/// What the rules decided about this launch, for the plan.
pub(crate) fn decisions(policy: &EffectivePolicy) -> Vec<Decision> {
    let network = Decision {
        subject: "network",
        value: policy.network_policy.value.to_string(),
        reason: match policy.network_policy.origin.layer {
            Layer::Default if policy.standalone => {
                "nothing restricts it: scc runs standalone, without an organization".to_owned()
            }
            _ => policy.network_policy.origin.to_string(),
        },
    };
    let timeout = policy.session.timeout_hours.as_ref().map(|hours| Decision {
        subject: "session",
        value: format!("ends after {} h", hours.value),
        reason: hours.origin.to_string(),
    });
    let safety = Decision {
        subject: "safety net",
        value: safety::describe(&policy.safety_net.value),
        reason: policy.safety_net.origin.to_string(),
    };
    [Some(network), Some(safety), timeout]
        .into_iter()
        .flatten()
        .chain(kept_out(policy))
        .collect()
}
