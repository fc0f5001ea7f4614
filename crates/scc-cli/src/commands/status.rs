use scc_config::UserConfig;
use scc_launch::{TeamChoice, TeamOrigin};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};

/// Show what scc is set up to do and what runs
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(crate) struct StatusReport {
    mode: &'static str,
    organization: Option<String>,
    team: Option<String>,
    team_origin: Option<TeamOrigin>,
    /// Why it is not known which rules apply; nothing starts then.
    rules_error: Option<String>,
    provider: Option<String>,
    engine: Option<scc_runtime::EngineInfo>,
    engine_error: Option<String>,
    /// `None` when no engine says so.
    running: Option<Vec<scc_launch::SessionView>>,
    config_file: String,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let _ = args;
    let config = context.config()?;
    let mode = mode(&config);
    let (team, error) = match mode {
        ORGANIZATION => rules_here(context).unwrap_or_else(|error| (None, Some(error))),
        _ => (None, None),
    };
    let mut report = StatusReport {
        mode,
        organization: organization(&config, context),
        team_origin: team.as_ref().map(|team| team.origin),
        team: team.map(|team| team.name),
        rules_error: error.as_ref().map(CliError::full_message),
        provider: preference(&config),
        engine: None,
        engine_error: None,
        running: None,
        config_file: context.config_file.display().to_string(),
    };
    let state = context.state()?;
    let mut warnings = Vec::new();
    match context.engine().await {
        Ok(runtime) => {
            let launcher = context.launcher(&runtime, &state);
            let (views, tidied) = launcher.sandboxes().await?;
            super::report_tidied(&tidied, context);
            warnings = tidied.warnings;
            let running = views.into_iter().filter(|view| view.is_running());
            report.running = Some(running.collect());
            report.engine = Some(scc_runtime::SandboxRuntime::engine(&runtime).clone());
        }
        Err(error) => report.engine_error = Some(error.to_string()),
    }
    let errors: Vec<_> = report.rules_error.iter().cloned().collect();
    warnings.extend(report.engine_error.clone());
    context
        .printer
        .data_with("Status", &report, &errors, &warnings);
    context.printer.result(&describe(&report));
    for hint in error.iter().flat_map(CliError::hints) {
        context.printer.note(&format!("hint: {hint}"));
    }
    Ok(error.map_or(0, |error| error.exit_code()))
}

/// The team that applies here, and why the rules cannot be read.
fn rules_here(context: &Context) -> Result<(Option<TeamChoice>, Option<CliError>), CliError> {
    let asked = Asked {
        workspace: workspace_root(None).ok(),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let team = TeamChoice::find(&rules.input())?;
    Ok((team, rules.governance().err()))
}

const ORGANIZATION: &str = "organization";

pub(crate) fn mode(config: &UserConfig) -> &'static str {
    match &config.organization {
        _ if config.standalone => "standalone",
        Some(_) => ORGANIZATION,
        None => "not set up",
    }
}

/// Where the rules come from, without what may be a secret.
pub(crate) fn organization(config: &UserConfig, context: &Context) -> Option<String> {
    let settings = config
        .organization
        .as_ref()
        .filter(|_| !config.standalone)?;
    let source = scc_launch::org_source(settings, context.config_dir());
    let unusable = |_| "an unusable source: scc config show".to_owned();
    Some(source.map_or_else(unusable, |source| source.to_string()))
}

/// Whose rules apply, in a sentence; `team` as `team NAME`.
pub(crate) fn describe_mode(mode: &str, organization: Option<&str>, team: &str) -> String {
    match mode {
        "standalone" => "standalone: no organization's rules apply".to_owned(),
        ORGANIZATION => format!("rules of {}, {team}", organization.unwrap_or_default()),
        _ => "not set up: run `scc setup`".to_owned(),
    }
}

/// What is preferred, as it is written in the settings.
pub(crate) fn preference(config: &UserConfig) -> Option<String> {
    config.provider.as_ref().map(ToString::to_string)
}

fn describe(report: &StatusReport) -> String {
    let engine = match (&report.engine, &report.engine_error) {
        (Some(engine), _) => format!("{} {} at {}", engine.name, engine.version, engine.endpoint),
        (None, error) => {
            format!(
                "{} (scc doctor says more)",
                error.as_deref().unwrap_or("unknown")
            )
        }
    };
    let mode = match report.mode {
        "standalone" => "standalone: no organization's rules apply".to_owned(),
        ORGANIZATION => format!(
            "rules of {}, {}",
            report.organization.as_deref().unwrap_or_default(),
            team(report)
        ),
        _ => "not set up: run `scc setup`".to_owned(),
    };
    let mut lines = vec![
        format!("Mode      {mode}"),
        format!(
            "Provider  {}",
            report.provider.as_deref().unwrap_or("none preferred")
        ),
        format!("Engine    {engine}"),
        match &report.running {
            Some(running) => format!("Running   {}", running.len()),
            None => "Running   unknown".to_owned(),
        },
    ];
    if let Some(error) = &report.rules_error {
        let line = format!("Rules     nothing starts: {error}");
        lines.insert(1, line);
    }
    for view in report.running.iter().flatten() {
        let name = view.name.as_ref().unwrap_or(&view.container);
        let workspace = view.workspace.as_deref().unwrap_or_default();
        let provider = view.provider.as_deref().unwrap_or_default();
        lines.push(format!("          {name}  {provider}  {workspace}"));
    }
    lines.join("\n")
}

/// The team, and that it is the workspace's own, which the settings do not say.
fn team(report: &StatusReport) -> String {
    match (&report.team, report.team_origin) {
        (Some(team), Some(TeamOrigin::Workspace)) => format!("team {team} of this workspace"),
        (Some(team), _) => format!("team {team}"),
        (None, _) => "team none".to_owned(),
    }
}
