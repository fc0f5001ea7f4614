use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::{Document, ProjectConfig};
use scc_policy::Decision;
use scc_provider::AgentProvider;
use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;

use super::agent::{self, Picked};
use super::apply::Verdict;
use super::changes::{self, Change};
use super::{Desk, servers};
use crate::error::CliError;
use crate::extensions::refusals;
use crate::output::one_line;
use crate::prompt::Prompter;

/// Record your plugins and MCP servers for this repository
///
/// Without --plugin, --mcp and --from, those that you have enabled in the agent itself are added.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A plugin; may be repeated
    #[arg(long, value_name = "NAME@MARKETPLACE")]
    plugin: Vec<String>,
    /// An MCP server: `NAME=https://…`, or `NAME=` and a command; may be repeated
    #[arg(long, value_name = "NAME=TARGET")]
    mcp: Vec<String>,
    /// Take `additional_plugins` and `additional_mcp_servers` from this file, which has the form of
    /// a `.scc.yaml`
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Keep what was recorded before, too
    #[arg(long)]
    add: bool,
    /// Take what is enabled in this agent instead of the one that would start
    #[arg(long, value_name = "ID", conflicts_with_all = GIVEN)]
    provider: Option<String>,
    /// Show what would be taken from the agent, and record nothing
    #[arg(long, visible_alias = "dry-run", conflicts_with_all = GIVEN)]
    preview: bool,
    /// Do not ask before what the agent has is taken
    #[arg(short, long, conflicts_with_all = GIVEN)]
    yes: bool,
    /// Take also MCP servers of the agent that ask for values of this machine (`${VARIABLE}`)
    #[arg(long, conflicts_with_all = GIVEN)]
    with_variables: bool,
}

/// What says what to save.
const GIVEN: [&str; 3] = ["plugin", "mcp", "from"];

#[derive(Serialize, JsonSchema)]
pub(crate) struct SaveReport<'a> {
    repository: &'a str,
    /// The agent whose settings were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    recorded: bool,
    changes: Vec<Change>,
    /// What of the profile the rules do not let in here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<&'a Decision>,
    /// What the agent has and a profile cannot hold, and why.
    left_out: &'a [String],
}

pub(super) async fn run(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    match args.plugin.is_empty() && args.mcp.is_empty() && args.from.is_none() {
        true => pick_up(args, desk).await,
        false => record(args, desk),
    }
}

fn record(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let now = Timestamp::now();
    let given = servers::checked(given(args, &desk.repository.id, now)?)?;
    let changes = desk
        .state
        .update_profile(&desk.repository.id, now, |slot| {
            let after = match (args.add, slot.as_ref()) {
                (true, Some(before)) => servers::checked(agent::merged(before, given))?,
                _ => given,
            };
            let changes = changes::between(slot.as_ref(), &after);
            if slot.is_none() || !changes.is_empty() {
                *slot = Some(after);
            }
            Ok::<_, CliError>(changes)
        })??;
    let printer = desk.context.printer;
    changes::show(&changes, printer);
    if changes.is_empty() {
        printer.note("nothing is different from what was recorded before");
    }
    let report = SaveReport {
        repository: &desk.repository.id,
        provider: None,
        recorded: true,
        changes,
        refused: Vec::new(),
        left_out: &[],
    };
    let warnings = without_marketplace(&report.changes, desk)?;
    printer.data("ProfileSave", &report, &warnings);
    Ok(())
}

/// Adds what is enabled in the agent, after it was shown with what the rules make of it.
async fn pick_up(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let picked = agent::find(args.provider.as_deref(), args.with_variables, desk).await?;
    let before = desk.state.profile(&desk.repository.id)?;
    let after = picked.onto(before.as_ref())?;
    let changes = changes::between(before.as_ref(), &after);
    let verdict = Verdict::of(desk, Some(after), false)?;
    let refused = verdict.refused();
    show(&picked, &changes, &refused, desk);
    let recorded = !changes.is_empty() && !args.preview;
    if recorded {
        if !args.yes {
            confirm(desk)?;
        }
        add(&picked, desk)?;
    }
    let printer = desk.context.printer;
    let report = SaveReport {
        repository: &desk.repository.id,
        provider: Some(&picked.provider),
        recorded,
        changes,
        refused,
        left_out: &picked.left_out,
    };
    let mut warnings = verdict.warnings.clone();
    warnings.extend(without_marketplace(&report.changes, desk)?);
    printer.data("ProfileSave", &report, &warnings);
    if args.preview {
        printer.note("a preview: nothing was recorded");
    }
    Ok(())
}

/// Standalone no rules name marketplaces, and a profile holds none: there a plugin comes along only from
/// those that agents know by themselves. A warning for each other one, which is shown too.
fn without_marketplace(changes: &[Change], desk: &Desk<'_>) -> Result<Vec<String>, CliError> {
    let config = desk.context.config()?;
    if !config.standalone && config.organization.is_some() {
        return Ok(Vec::new());
    }
    let agents = desk.context.registry.iter();
    let known: Vec<_> = agents.flat_map(AgentProvider::own_marketplaces).collect();
    let added = changes
        .iter()
        .filter(|change| change.kind == "plugin" && change.change == "added");
    let warnings = added.filter_map(|change| {
        let (_, market) = change.item.rsplit_once('@')?;
        let is_known = known
            .iter()
            .any(|own| own.name.eq_ignore_ascii_case(market));
        (!is_known).then(|| {
            let plugin = one_line(&change.item);
            format!(
                "plugin `{plugin}` is recorded without its marketplace: standalone no launch hands it \
                 over, only where an organization's rules name `{}`",
                one_line(market)
            )
        })
    });
    let warnings: Vec<_> = warnings.collect();
    for warning in &warnings {
        desk.context.printer.warning(warning);
    }
    Ok(warnings)
}

fn add(picked: &Picked, desk: &Desk<'_>) -> Result<(), CliError> {
    let now = Timestamp::now();
    desk.state
        .update_profile(&desk.repository.id, now, |slot| {
            *slot = Some(picked.onto(slot.as_ref())?);
            Ok(())
        })?
}

fn show(picked: &Picked, changes: &[Change], refused: &[&Decision], desk: &Desk<'_>) {
    let printer = desk.context.printer;
    changes::show(changes, printer);
    if changes.is_empty() {
        let name = picked.name;
        printer.note(&format!(
            "{name} has nothing enabled that the profile lacks"
        ));
    }
    for what in &picked.left_out {
        let what = one_line(what);
        printer.warning(&format!("not taken from {}: {what}", picked.name));
    }
    if !refused.is_empty() {
        printer.note("the rules do not let all of the profile in here:");
        printer.note(&refusals(refused));
    }
}

fn confirm(desk: &Desk<'_>) -> Result<(), CliError> {
    let instead = CliError::Usage {
        message: "what the agent has enabled is not taken unseen: it may have written that itself"
            .to_owned(),
        hint: "look at it: scc profile save --preview; then: scc profile save --yes".to_owned(),
    };
    let question = "The agent may have written this itself. Take it?";
    match Prompter::new(!desk.json).confirm(question, instead)? {
        true => Ok(()),
        false => Err(CliError::CANCELLED),
    }
}

fn given(args: &Args, repository: &str, now: Timestamp) -> Result<PersonalProfile, CliError> {
    let mut profile = PersonalProfile {
        repository: repository.to_owned(),
        saved_at: now,
        plugins: args.plugin.clone(),
        mcp_servers: Vec::new(),
    };
    for text in &args.mcp {
        profile.mcp_servers.push(servers::typed(text)?);
    }
    if let Some(file) = &args.from {
        let found = read(file)?;
        profile.plugins.extend(found.additional_plugins);
        let found = found.additional_mcp_servers.iter();
        profile.mcp_servers.extend(found.map(servers::value));
    }
    Ok(profile)
}

fn read(file: &Path) -> Result<ProjectConfig, CliError> {
    let document = Document::<ProjectConfig>::load(file)?;
    let document = document.ok_or_else(|| CliError::Failed {
        message: format!("there is no file `{}`", file.display()),
        hint: String::new(),
    })?;
    let findings = document.check();
    if !findings.is_empty() {
        return Err(CliError::Findings {
            from: file.display().to_string(),
            findings,
        });
    }
    let project = document.into_value();
    let lists_only = ProjectConfig {
        additional_plugins: project.additional_plugins.clone(),
        additional_mcp_servers: project.additional_mcp_servers.clone(),
        ..ProjectConfig::default()
    };
    match project == lists_only {
        true => Ok(project),
        false => Err(CliError::Failed {
            message: format!("`{}` sets more than a profile can hold", file.display()),
            hint: "leave only `additional_plugins` and `additional_mcp_servers` in it".to_owned(),
        }),
    }
}
