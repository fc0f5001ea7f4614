use scc_config::{ProviderPreference, UserConfig};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;

/// Show what scc is set up to do and what runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct StatusReport {
    mode: &'static str,
    organization: Option<String>,
    team: Option<String>,
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
    let mut report = StatusReport {
        mode: mode(&config),
        organization: organization(&config, context),
        team: config.team.clone().filter(|_| !config.standalone),
        provider: preference(&config),
        engine: None,
        engine_error: None,
        running: None,
        config_file: context.config_file.display().to_string(),
    };
    let state = context.state()?;
    match context.engine().await {
        Ok(runtime) => {
            let launcher = context.launcher(&runtime, &state);
            let (views, tidied) = launcher.sandboxes().await?;
            super::report_tidied(&tidied, context);
            let running = views.into_iter().filter(|view| view.is_running());
            report.running = Some(running.collect());
            report.engine = Some(scc_runtime::SandboxRuntime::engine(&runtime).clone());
        }
        Err(error) => report.engine_error = Some(error.to_string()),
    }
    let warnings: Vec<_> = report.engine_error.iter().cloned().collect();
    context.printer.data("Status", &report, &warnings);
    context.printer.result(&describe(&report));
    Ok(0)
}

pub(crate) fn mode(config: &UserConfig) -> &'static str {
    match &config.organization {
        _ if config.standalone => "standalone",
        Some(_) => "organization",
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

/// Whose rules apply, in a sentence.
pub(crate) fn describe_mode(mode: &str, organization: Option<&str>, team: Option<&str>) -> String {
    match mode {
        "standalone" => "standalone: no organization's rules apply".to_owned(),
        "organization" => format!(
            "rules of {}, team {}",
            organization.unwrap_or_default(),
            team.unwrap_or("none")
        ),
        _ => "not set up: run `scc setup`".to_owned(),
    }
}

/// What is preferred, as it is written in the settings.
pub(crate) fn preference(config: &UserConfig) -> Option<String> {
    config.provider.as_ref().map(|preference| match preference {
        ProviderPreference::Ask => "ask".to_owned(),
        ProviderPreference::Id(id) => id.clone(),
    })
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
    let (organization, team) = (report.organization.as_deref(), report.team.as_deref());
    let mode = describe_mode(report.mode, organization, team);
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
    for view in report.running.iter().flatten() {
        let name = view.name.as_ref().unwrap_or(&view.container);
        let workspace = view.workspace.as_deref().unwrap_or_default();
        let provider = view.provider.as_deref().unwrap_or_default();
        lines.push(format!("          {name}  {provider}  {workspace}"));
    }
    lines.join("\n")
}
