//! What came of a proof.

use std::fmt::Write as _;

use scc_config::NetworkPolicy;
use scc_runtime::egress::Topology;
use schemars::JsonSchema;
use serde::Serialize;

use super::claims::ClaimId;

/// What came of proving a sandbox.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Proof {
    /// The workspace's root.
    pub workspace: String,
    /// The agent's id.
    pub provider: String,
    /// The organization, where there is one.
    pub organization: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The network policy that applies.
    pub network_policy: NetworkPolicy,
    /// How the sandbox is joined to its proxy, where it has one.
    pub topology: Option<Topology>,
    /// The agent's image.
    pub image: String,
    /// The engine, with its version.
    pub engine: String,
    /// Each claim.
    pub claims: Vec<Claim>,
}

/// A claim, and what came of trying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Claim {
    /// Which one.
    pub id: ClaimId,
    /// What is claimed.
    pub statement: &'static str,
    /// What came of it.
    pub state: ClaimState,
    /// Why it does not apply, where it does not.
    pub reason: Option<String>,
    /// The evidence.
    pub attempts: Vec<Attempt>,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimState {
    /// Every attempt against it came to nothing.
    Held,
    /// One did not, or could not be made.
    Failed,
    /// The rules claim nothing of it here. Its attempts are made all the same, where they can be.
    NotApplicable,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ProofAttempt")]
pub struct Attempt {
    /// What was tried or looked at.
    pub what: String,
    /// How it came out.
    pub outcome: AttemptOutcome,
    /// What happened.
    pub detail: String,
}

/// How an attempt came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// As the claim says.
    Held,
    /// Otherwise.
    Failed,
    /// It needs something that is not there: a program, or a host that answers.
    Moot,
}

impl Attempt {
    pub(super) fn new(what: impl Into<String>, holds: bool, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            outcome: match holds {
                true => AttemptOutcome::Held,
                false => AttemptOutcome::Failed,
            },
            detail: detail.into(),
        }
    }
}

impl Claim {
    /// Judges a claim by its attempts. One without any has not been tried.
    pub(super) fn judged(id: ClaimId, attempts: Vec<Attempt>) -> Self {
        let failed = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Failed;
        let held = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Held;
        let holds = !attempts.iter().any(failed) && attempts.iter().any(held);
        Self {
            id,
            statement: id.statement(),
            state: match holds {
                true => ClaimState::Held,
                false => ClaimState::Failed,
            },
            reason: None,
            attempts,
        }
    }

    pub(super) fn not_applicable(id: ClaimId, reason: &str, attempts: Vec<Attempt>) -> Self {
        Self {
            id,
            statement: id.statement(),
            state: ClaimState::NotApplicable,
            reason: Some(reason.to_owned()),
            attempts,
        }
    }

    fn count(&self, outcome: AttemptOutcome) -> usize {
        let all = self.attempts.iter();
        all.filter(|attempt| attempt.outcome == outcome).count()
    }

    fn summary(&self) -> String {
        let (held, moot) = (
            self.count(AttemptOutcome::Held),
            self.count(AttemptOutcome::Moot),
        );
        let all = self.attempts.len();
        match (&self.reason, moot) {
            (Some(reason), _) => reason.clone(),
            (None, 0) => format!("{held} of {all} attempts"),
            (None, moot) => format!("{held} of {all} attempts, {moot} could not be made"),
        }
    }

    fn wrong(&self) -> impl Iterator<Item = &Attempt> {
        let applies = self.state == ClaimState::Failed;
        let failed = |one: &&Attempt| one.outcome == AttemptOutcome::Failed;
        self.attempts.iter().filter(failed).filter(move |_| applies)
    }
}

impl ClaimState {
    fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "FAILED",
            Self::NotApplicable => "not applicable",
        }
    }
}

impl Proof {
    /// The claims that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Claim> {
        let all = self.claims.iter();
        all.filter(|claim| claim.state == ClaimState::Failed)
    }

    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut lines = vec![self.subject()];
        for claim in &self.claims {
            let (word, name) = (claim.state.word(), claim.id.as_str());
            lines.push(format!("{word:<15} {name:<18} {}", claim.summary()));
            lines.extend(claim.wrong().map(|attempt| {
                let Attempt { what, detail, .. } = attempt;
                format!("{:<15} {:<18} {what}: {detail}", "", "")
            }));
        }
        lines.join("\n")
    }

    fn subject(&self) -> String {
        let topology = self
            .topology
            .map(|topology| format!(", joined by {}", topology.as_str()));
        format!(
            "{} in {}, {}{}, on {}",
            self.provider,
            self.workspace,
            policy_word(self.network_policy),
            topology.unwrap_or_default(),
            self.engine
        )
    }

    /// The report as Markdown, with every attempt.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("# Proof of a sandbox\n\n{}\n\n", cell(&self.subject()));
        text.push_str("| claim | state | evidence |\n|---|---|---|\n");
        for claim in &self.claims {
            let (state, evidence) = (claim.state.word(), cell(&claim.summary()));
            let _ = writeln!(text, "| {} | {state} | {evidence} |", claim.statement);
        }
        for claim in self
            .claims
            .iter()
            .filter(|claim| !claim.attempts.is_empty())
        {
            let (name, statement) = (claim.id.as_str(), claim.statement);
            let _ = write!(
                text,
                "\n## {name}: {}\n\n{statement}\n\n",
                claim.state.word()
            );
            text.push_str("| tried | came out | what happened |\n|---|---|---|\n");
            for attempt in &claim.attempts {
                let word = match attempt.outcome {
                    AttemptOutcome::Held => "held",
                    AttemptOutcome::Failed => "FAILED",
                    AttemptOutcome::Moot => "could not be made",
                };
                let (what, detail) = (cell(&attempt.what), cell(&attempt.detail));
                let _ = writeln!(text, "| {what} | {word} | {detail} |");
            }
        }
        text
    }
}

fn policy_word(policy: NetworkPolicy) -> &'static str {
    match policy {
        NetworkPolicy::Open => "open",
        NetworkPolicy::WebEgressEnforced => "web-egress-enforced",
        NetworkPolicy::LockedDownWeb => "locked-down-web",
    }
}

/// What a program in the sandbox has said must stay in its cell, and be no markup.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' => {
                cell.push('\\');
                cell.push(c);
            }
            c if c.is_control() => cell.push(' '),
            c => cell.push(c),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(outcome: AttemptOutcome) -> Attempt {
        Attempt {
            what: "a|b".to_owned(),
            outcome,
            detail: "said\n# x".to_owned(),
        }
    }

    #[test]
    fn a_claim_holds_when_something_was_tried_and_nothing_failed() {
        use AttemptOutcome::{Failed, Held, Moot};
        for (outcomes, state) in [
            (&[][..], ClaimState::Failed),
            (&[Moot], ClaimState::Failed),
            (&[Held], ClaimState::Held),
            (&[Held, Moot], ClaimState::Held),
            (&[Held, Failed], ClaimState::Failed),
        ] {
            let attempts = outcomes.iter().copied().map(attempt).collect();
            let claim = Claim::judged(ClaimId::Guard, attempts);
            assert_eq!(claim.state, state, "{outcomes:?}");
        }
    }

    #[test]
    fn what_was_said_stays_in_its_cell() {
        let proof = Proof {
            workspace: "/w".to_owned(),
            provider: "p".to_owned(),
            organization: None,
            team: None,
            network_policy: NetworkPolicy::Open,
            topology: None,
            image: "i".to_owned(),
            engine: "e 1".to_owned(),
            claims: vec![
                Claim::judged(ClaimId::Mounts, vec![attempt(AttemptOutcome::Failed)]),
                Claim::not_applicable(ClaimId::NetworkTls, "no proxy", Vec::new()),
            ],
        };
        let text = proof.markdown();
        assert!(text.contains("| a\\|b | FAILED | said # x |\n"), "{text}");
        assert!(text.contains("| not applicable | no proxy |\n"), "{text}");
        let shown = proof.describe();
        assert!(shown.contains("FAILED          mounts"), "{shown}");
        assert_eq!(proof.failed().count(), 1);
    }
}
