use std::path::Path;

use scc_config::UserConfig;
use scc_launch::{OrgDocument, TeamChoice, TeamOrigin};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, json};

use crate::commands::config::update_settings;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Rules, workspace_root};
use crate::prompt::Prompter;

/// Choose your team
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The team; asked for where it is left out
    name: Option<String>,
    /// For the workspace around the current directory only
    #[arg(short, long)]
    workspace: bool,
    /// Work in no team; with --workspace: in your own again
    #[arg(long, conflicts_with = "name")]
    none: bool,
    /// Never ask
    #[arg(long)]
    non_interactive: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SwitchReport<'a> {
    team: Option<&'a str>,
    /// The workspace that it is for; `null` where it is for all that have none of their own.
    workspace: Option<&'a str>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let rules = super::rules(context)?;
    let document = rules.organization()?;
    let name = match (&args.name, args.none) {
        (_, true) => None,
        (Some(name), _) => Some(name.clone()),
        (None, _) => Some(ask(&document, args)?),
    };
    if let Some(name) = &name {
        super::profile(&document, name)?;
    }
    let workspace = match args.workspace {
        true => Some(pin(&rules, name.as_deref())?),
        false => {
            let team = name.clone();
            update_settings(context, |config| Ok(UserConfig { team, ..config }))?;
            None
        }
    };
    let data = SwitchReport {
        team: name.as_deref(),
        workspace: workspace.as_deref(),
    };
    let mut warnings = document.warnings().to_vec();
    let pinned = match args.workspace {
        true => None,
        false => pinned(&rules)?,
    };
    warnings.extend(pinned.clone());
    context.printer.data("TeamSwitch", &data, &warnings);
    context
        .printer
        .note(&said(name.as_deref(), workspace.as_deref(), &rules.config));
    if let Some(warning) = &pinned {
        context.printer.warning(warning);
    }
    Ok(0)
}

/// That the current workspace keeps its own team, where that is so.
fn pinned(rules: &Rules) -> Result<Option<String>, CliError> {
    let here = TeamChoice::find(&rules.input())?;
    let here = here.filter(|here| here.origin == TeamOrigin::Workspace);
    Ok(here.map(|here| {
        format!(
            "this workspace has a team of its own, which still applies here: {}; take it away: \
             scc team switch --none --workspace",
            here.name
        )
    }))
}

fn said(name: Option<&str>, workspace: Option<&str>, config: &UserConfig) -> String {
    const NEXT: &str = "see what applies: scc config explain";
    const BASELINE: &str = "the organization's baseline applies";
    match (name, workspace) {
        (Some(name), Some(root)) => format!("the team of {root} is now {name}; {NEXT}"),
        (Some(name), None) => format!("your team is now {name}; {NEXT}"),
        (None, None) => format!("your team is now none; {BASELINE}"),
        (None, Some(root)) => match &config.team {
            Some(team) => format!("{root} has no team of its own any more; yours applies: {team}"),
            None => format!("{root} has no team of its own any more, and nor have you; {BASELINE}"),
        },
    }
}

/// Gives the workspace around the current directory a team, or none.
fn pin(rules: &Rules, team: Option<&str>) -> Result<String, CliError> {
    let root = workspace_root(Some(Path::new(".")))?;
    let shown = root.display().to_string();
    let mut audit = Map::new();
    audit.insert("workspace".to_owned(), json!(shown));
    audit.insert("team".to_owned(), json!(team));
    let log = rules.state.audit();
    log.append("team.switched", None, audit, rules.now())?;
    rules.state.pin_workspace_team(&root, team, rules.now())?;
    Ok(shown)
}

fn ask(document: &OrgDocument, args: &Args) -> Result<String, CliError> {
    let names: Vec<_> = document.config().profiles.keys().cloned().collect();
    let instead = CliError::Usage {
        message: "no team was named".to_owned(),
        hint: format!(
            "name one: scc team switch NAME; there are: {}",
            names.join(", ")
        ),
    };
    if names.is_empty() {
        return Err(instead);
    }
    let chosen = Prompter::new(!args.non_interactive && !args.json).select(
        "Which team?",
        &names,
        0,
        instead,
    )?;
    Ok(names[chosen].clone())
}
