use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::environment;
use crate::error::CliError;
use crate::output::table;

/// Show where scc keeps what
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment variables that decide about it, too
    #[arg(long)]
    show_env: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct PathsReport {
    paths: Vec<PathReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Vec<VariableReport>>,
}

#[derive(Serialize, JsonSchema)]
struct PathReport {
    name: &'static str,
    path: String,
    exists: bool,
}

#[derive(Serialize, JsonSchema)]
struct VariableReport {
    name: &'static str,
    value: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let places = [
        ("settings", context.config_file.clone()),
        ("exceptions", context.config_dir().join("exceptions.json")),
        ("state", context.state_root.clone()),
        ("profiles", context.state_root.join("profiles")),
        ("audit", context.state_root.join("audit/events.jsonl")),
        ("documents", context.cache_root.join("documents")),
    ];
    let paths = places.into_iter().map(|(name, path)| PathReport {
        name,
        exists: path.exists(),
        path: path.display().to_string(),
    });
    let report = PathsReport {
        paths: paths.collect(),
        environment: args.show_env.then(variables),
    };
    context.printer.data("ConfigPaths", &report, &[]);
    let rows = report.paths.iter();
    let rows = rows.map(|place| vec![place.name.to_owned(), place.path.clone()]);
    context
        .printer
        .result(&table(&["WHAT", "PATH"], rows.collect()));
    if let Some(variables) = &report.environment {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let rows = variables.iter();
        let rows = rows.map(|variable| vec![variable.name.to_owned(), value(&variable.value)]);
        let table = table(&["VARIABLE", "VALUE"], rows.collect());
        context.printer.result(&format!("\n{table}"));
    }
    Ok(0)
}

/// Those that decide where files are.
fn variables() -> Vec<VariableReport> {
    let names = [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
    ];
    let all = names.map(|name| VariableReport {
        name,
        value: environment::variable(name),
    });
    all.into()
}
