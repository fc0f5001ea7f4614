use clap::Subcommand;
use scc_launch::{ArtifactPlan, PluginPlan};
use scc_policy::{Decision, ItemKind, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::extensions::{Found, Where, artifact_state, artifacts, refusals};
use crate::output::table;

/// Show the plugins and artifacts of bundles that an agent gets here, and why
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the plugins and artifacts of bundles that the rules allow, their version, and whether the
    /// agent gets them
    List(Where),
    Why(WhyArgs),
}

/// Explain what was decided about a plugin or an artifact of a bundle, and by which rule
///
/// Ends with 6 where the agent does not get it.
#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// The plugin, whose marketplace may be left out; or the artifact
    #[arg(value_name = "NAME[@MARKETPLACE]")]
    name: String,
    #[command(flatten)]
    place: Where,
}

/// The plugins of an agent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListReport<'a> {
    /// The agent.
    provider: &'a str,
    /// What the rules allow, and what the agent gets of it.
    plugins: &'a [PluginPlan],
    /// The artifacts of bundles, and what the agent gets of them; some are among the plugins.
    artifacts: &'a [ArtifactPlan],
}

/// The plugins of an agent, and what was asked for in vain.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditReport<'a> {
    #[serde(flatten)]
    list: ListReport<'a>,
    /// What a layer asked for and the rules do not let in.
    refused: Vec<&'a Decision>,
}

/// What was decided about a plugin.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WhyReport<'a> {
    /// The agent.
    provider: &'a str,
    /// A decision for each time that a layer asked for it.
    decisions: Vec<&'a Decision>,
    /// What the agent gets, where the rules allow it.
    plugins: Vec<&'a PluginPlan>,
    /// The artifact of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<&'a ArtifactPlan>,
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::List(place) => place.json,
            Command::Why(args) => args.place.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::List(place) => list(place, context),
        Command::Why(args) => why(args, context),
    }
}

fn list(place: &Where, context: &Context) -> Result<u8, CliError> {
    let found = Found::find(place, context)?;
    let report = ListReport {
        provider: &found.provider,
        plugins: &found.plan.plugins,
        artifacts: &found.plan.artifacts,
    };
    context.printer.data("PluginList", &report, &[]);
    let mut text = text(&found);
    let refused = refused(&found).len();
    if refused > 0 {
        text.push_str(&format!(
            "\n{refused} not let in; see why: scc audit plugins"
        ));
    }
    context.printer.result(&text);
    Ok(0)
}

/// Everything that was asked for, and what became of it.
pub(crate) fn audit(place: &Where, context: &Context) -> Result<u8, CliError> {
    let found = Found::find(place, context)?;
    let refused = refused(&found);
    let mut text = text(&found);
    if !refused.is_empty() {
        text.push('\n');
        text.push_str(&refusals(&refused));
    }
    let report = AuditReport {
        list: ListReport {
            provider: &found.provider,
            plugins: &found.plan.plugins,
            artifacts: &found.plan.artifacts,
        },
        refused,
    };
    context.printer.data("AuditPlugins", &report, &[]);
    context.printer.result(&text);
    Ok(0)
}

fn why(args: &WhyArgs, context: &Context) -> Result<u8, CliError> {
    let found = Found::find(&args.place, context)?;
    let decisions = found.about(ItemKind::Plugin, &args.name)?;
    let plugins = found.plan.plugins.iter();
    let plugins: Vec<_> = plugins
        .filter(|plugin| decisions.iter().any(|one| one.item == plugin.facts.plugin))
        .collect();
    let artifact = found.artifact(&args.name);
    let gets = plugins.iter().any(|plugin| plugin.delivered)
        || artifact.is_some_and(|artifact| artifact.delivered);
    let mut lines: Vec<_> = plugins.iter().map(|plugin| line(plugin)).collect();
    let state = artifact.map(|one| format!("{}: {}", one.facts.artifact, artifact_state(one)));
    lines.extend(state);
    let allowed = decisions
        .iter()
        .filter(|one| one.outcome == Outcome::Allowed);
    lines.extend(allowed.map(|one| format!("{}: {}", one.layer.as_str(), one.message)));
    let refused = decisions.iter().copied();
    let refused: Vec<_> = refused
        .filter(|one| one.outcome != Outcome::Allowed)
        .collect();
    lines.push(refusals(&refused));
    lines.retain(|line| !line.is_empty());
    let report = WhyReport {
        provider: &found.provider,
        decisions,
        plugins,
        artifact,
    };
    let printer = context.printer;
    printer.data_with_errors("PluginWhy", &report, &found.lack(gets, &args.name));
    context.printer.result(&lines.join("\n"));
    Ok(if gets { 0 } else { 6 })
}

/// Plugins, bundles and artifacts that somebody asked for in vain.
fn refused(found: &Found) -> Vec<&Decision> {
    let plugins = found.refused(ItemKind::Plugin).into_iter();
    plugins.chain(found.refused_artifacts()).collect()
}

fn text(found: &Found) -> String {
    let artifacts = artifacts(found.plan.artifacts.iter(), &found.provider);
    let plugins = match found.plan.plugins.is_empty() {
        true => format!("{} gets no plugins", found.provider),
        false => {
            let rows = found.plan.plugins.iter().map(row).collect();
            let agent = found.provider.to_uppercase();
            table(&["PLUGIN", "VERSION", "ASKED FOR BY", &agent], rows)
        }
    };
    match artifacts.is_empty() {
        true => plugins,
        false => format!("{plugins}\n\n{artifacts}"),
    }
}

fn row(plugin: &PluginPlan) -> Vec<String> {
    let facts = &plugin.facts;
    vec![
        facts.plugin.clone(),
        version(plugin),
        facts.origin.to_string(),
        state(plugin),
    ]
}

fn line(plugin: &PluginPlan) -> String {
    format!(
        "{} {}: {}",
        plugin.facts.plugin,
        version(plugin),
        state(plugin)
    )
}

/// The commit, or the digest of its marketplace where that is no repository.
fn version(plugin: &PluginPlan) -> String {
    let market = plugin.facts.marketplace.as_ref();
    let version = market.map(|market| market.short().to_owned());
    version.unwrap_or_else(|| "unknown".to_owned())
}

fn state(plugin: &PluginPlan) -> String {
    let reasons = plugin.left_out.join("; ");
    match (plugin.delivered, reasons.is_empty()) {
        (true, true) => "gets it".to_owned(),
        (true, false) => format!("gets a part: {reasons}"),
        (false, _) => format!("does not get it: {reasons}"),
    }
}
