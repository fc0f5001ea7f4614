//! What the rules make of a profile, and how that differs from what they made of it before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scc_policy::{Decision, ItemKind, Layer, Outcome};
use scc_state::{AppliedProfile, PersonalProfile, RepositoryTrust};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Desk;
use super::agent::{self, AgentDrift};
use crate::error::CliError;
use crate::governance::{Asked, Rules};
use crate::output::{Printer, age, one_line, table};

/// Check the profile against the rules that apply here, and record what they let through
///
/// The rules filter a profile whenever they are evaluated. What is recorded here is what `scc profile
/// status` and `scc profile diff` compare with. Where the workspace has become another repository,
/// this says that it is right.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// Show it, and record nothing
    #[arg(long, visible_alias = "dry-run")]
    pub(super) preview: bool,
    /// Use copies of documents only
    #[arg(long)]
    offline: bool,
}

/// Show what is different from what was applied last, in the profile or in the rules
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// Use copies of documents only
    #[arg(long)]
    offline: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ApplyReport<'a> {
    repository: &'a str,
    standalone: bool,
    applied: bool,
    allowed: Vec<&'a Decision>,
    blocked: Vec<&'a Decision>,
    denied: Vec<&'a Decision>,
    ignored: Vec<&'a Decision>,
}

/// What the rules say about a profile.
pub(super) struct Verdict {
    standalone: bool,
    decisions: Vec<Decision>,
    pub(super) warnings: Vec<String>,
}

impl Verdict {
    /// About the one that is recorded, or another in its place.
    pub(super) fn of(
        desk: &Desk<'_>,
        profile: Option<PersonalProfile>,
        offline: bool,
    ) -> Result<Self, CliError> {
        let asked = Asked {
            workspace: Some(desk.repository.root.clone()),
            profile,
            offline,
            ..Asked::default()
        };
        let rules = Rules::open(desk.context, asked)?;
        let governance = rules.governance()?;
        let policy = rules.policy(&governance, desk.context)?;
        let mut decisions = policy.decisions;
        decisions.retain(|decision| decision.layer == Layer::Personal);
        Ok(Self {
            standalone: governance.is_standalone(),
            warnings: governance.warnings().to_vec(),
            decisions,
        })
    }

    fn with(&self, outcome: Outcome) -> Vec<&Decision> {
        let decisions = self.decisions.iter();
        decisions.filter(|found| found.outcome == outcome).collect()
    }

    /// What they do not let in.
    pub(super) fn refused(&self) -> Vec<&Decision> {
        let decisions = self.decisions.iter();
        decisions
            .filter(|found| found.outcome != Outcome::Allowed)
            .collect()
    }

    fn outcomes(&self) -> BTreeMap<String, String> {
        let decisions = self.decisions.iter();
        decisions
            .map(|found| (item(found), word(found.outcome).to_owned()))
            .collect()
    }
}

fn item(decision: &Decision) -> String {
    let kind = match decision.kind {
        ItemKind::Plugin => "plugin",
        ItemKind::McpServer => "mcp-server",
        _ => "layer",
    };
    format!("{kind} {}", decision.item)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "allowed",
        Outcome::Blocked => "blocked",
        Outcome::Denied => "denied",
        Outcome::Ignored => "ignored",
    }
}

pub(super) fn apply(args: &ApplyArgs, desk: &Desk<'_>) -> Result<(), CliError> {
    if !args.preview && accept(desk)? && !desk.has_profile()? {
        return Ok(());
    }
    let profile = desk.profile()?;
    let verdict = Verdict::of(desk, None, args.offline)?;
    if !args.preview {
        let applied = AppliedProfile {
            applied_at: Timestamp::now(),
            digest: profile.digest()?,
            outcomes: verdict.outcomes(),
        };
        let id = &desk.repository.id;
        desk.state.record_applied_profile(id, applied)?;
    }
    show(&verdict, !args.preview, desk);
    Ok(())
}

/// The user says that the workspace is the right repository: that is audited, and remembered. Whether
/// there was a doubt.
fn accept(desk: &Desk<'_>) -> Result<bool, CliError> {
    let before = match desk.repository.trust(desk.state)? {
        RepositoryTrust::Known => return Ok(false),
        RepositoryTrust::Changed(before) => before,
        RepositoryTrust::Inside(outer) => format!("a part of {}", outer.display()),
    };
    let (now, at) = (&desk.repository.id, Timestamp::now());
    let data = json!({ "workspace": desk.repository.root, "before": before, "now": now });
    let data = data.as_object().cloned().unwrap_or_default();
    desk.state
        .audit()
        .append("repository.accepted", None, data, at)?;
    desk.repository.accept(desk.state, at)?;
    let note = format!("this workspace is `{now}` from now on; it was {before}");
    desk.context.printer.note(&note);
    Ok(true)
}

fn show(verdict: &Verdict, applied: bool, desk: &Desk<'_>) {
    let report = ApplyReport {
        repository: &desk.repository.id,
        standalone: verdict.standalone,
        applied,
        allowed: verdict.with(Outcome::Allowed),
        blocked: verdict.with(Outcome::Blocked),
        denied: verdict.with(Outcome::Denied),
        ignored: verdict.with(Outcome::Ignored),
    };
    let printer = desk.context.printer;
    printer.data("ProfileApply", &report, &verdict.warnings);
    for warning in &verdict.warnings {
        printer.warning(warning);
    }
    let row = |decision: &Decision| {
        let outcome = word(decision.outcome).to_owned();
        vec![item(decision), outcome, decision.message.clone()]
    };
    let rows = verdict.decisions.iter().map(row).collect();
    printer.result(&table(&["ITEM", "OUTCOME", "WHY"], rows));
    if verdict.standalone {
        printer.note("standalone: no organization's rules apply");
    }
    for decision in verdict.refused() {
        if let Some(step) = &decision.next_step {
            printer.note(&format!("{}: {step}", decision.item));
        }
    }
    match applied {
        true => printer.note("recorded as applied"),
        false => printer.note("a preview: nothing was recorded"),
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct DiffReport<'a> {
    repository: &'a str,
    applied_at: Option<Timestamp>,
    profile_changed: bool,
    changes: Vec<OutcomeChange>,
    /// What is enabled in the agent; none where that is not known.
    agent: Option<AgentDrift>,
}

/// An item whose outcome is not what it was.
#[derive(Serialize, JsonSchema)]
struct OutcomeChange {
    item: String,
    before: Option<String>,
    now: Option<String>,
}

pub(super) async fn diff(args: &DiffArgs, desk: &Desk<'_>) -> Result<(), CliError> {
    let profile = desk.profile()?;
    let applied = desk.state.applied_profile(&desk.repository.id)?;
    let verdict = Verdict::of(desk, None, args.offline)?;
    let before = applied.as_ref().map(|applied| applied.outcomes.clone());
    let changes = changes(&before.unwrap_or_default(), &verdict.outcomes());
    let report = DiffReport {
        repository: &desk.repository.id,
        applied_at: applied.as_ref().map(|applied| applied.applied_at),
        profile_changed: drift(&profile, applied.as_ref())? != "none",
        changes,
        agent: agent::drift(Some(&profile), desk).await.ok(),
    };
    let printer = desk.context.printer;
    printer.data("ProfileDiff", &report, &verdict.warnings);
    for warning in &verdict.warnings {
        printer.warning(warning);
    }
    show_diff(&report, printer);
    Ok(())
}

fn show_diff(report: &DiffReport<'_>, printer: Printer) {
    let lines: Vec<_> = report.changes.iter().map(line).collect();
    if !lines.is_empty() {
        printer.result(&lines.join("\n"));
    }
    match report.applied_at {
        Some(at) => {
            let since = format!("applied {} ago", age(at, Timestamp::now()));
            printer.note(&match lines.is_empty() && !report.profile_changed {
                true => format!("nothing is different: {since}"),
                false => since,
            });
        }
        None => printer.note("never applied; do so: scc profile apply"),
    }
    if lines.is_empty() && report.profile_changed && report.applied_at.is_some() {
        printer.note("a server of the profile was changed, and the rules say the same about it");
    }
    for what in report.agent.iter().flat_map(|agent| &agent.left_out) {
        printer.note(&format!("not taken from the agent: {}", one_line(what)));
    }
    match &report.agent {
        None => printer.note("what is enabled in the agent is not known"),
        Some(agent) if agent.changes.is_empty() => {}
        Some(agent) => {
            let lines = agent.changes.iter().map(|change| {
                let what = match change.change {
                    "added" => "enabled there, not in the profile",
                    _ => "another one there",
                };
                format!("{} {} ({what})", change.kind, one_line(&change.item))
            });
            let lines: Vec<_> = lines.collect();
            printer.result(&format!("In {}:\n{}", agent.name, lines.join("\n")));
            printer.note("take that into the profile: scc profile save");
        }
    }
}

fn changes(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<OutcomeChange> {
    let items = before.keys().chain(now.keys());
    let items: std::collections::BTreeSet<_> = items.collect();
    let changed = items.into_iter().map(|item| OutcomeChange {
        item: item.clone(),
        before: before.get(item).cloned(),
        now: now.get(item).cloned(),
    });
    changed
        .filter(|change| change.before != change.now)
        .collect()
}

fn line(change: &OutcomeChange) -> String {
    let item = &change.item;
    match (&change.before, &change.now) {
        (None, Some(now)) => format!("+ {item} ({now})"),
        (Some(before), None) => format!("- {item} ({before})"),
        (before, now) => {
            let word = |word: &Option<String>| word.clone().unwrap_or_default();
            format!("~ {item} ({} → {})", word(before), word(now))
        }
    }
}

/// Whether the profile is still the one that was applied, in a word.
pub(super) fn drift(
    profile: &PersonalProfile,
    applied: Option<&AppliedProfile>,
) -> Result<&'static str, CliError> {
    Ok(match applied {
        None => "never applied",
        Some(applied) if applied.digest == profile.digest()? => "none",
        Some(_) => "changed",
    })
}
