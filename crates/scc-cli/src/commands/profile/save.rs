use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::{Document, ProjectConfig};
use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;

use super::changes::{self, Change};
use super::{Desk, servers};
use crate::error::CliError;

/// Record your plugins and MCP servers for this repository
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
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SaveReport<'a> {
    repository: &'a str,
    changes: Vec<Change>,
}

pub(super) fn run(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let now = Timestamp::now();
    let given = servers::checked(given(args, &desk.repository.id, now)?)?;
    let changes = desk
        .state
        .update_profile(&desk.repository.id, now, |slot| {
            let after = match (args.add, slot.as_ref()) {
                (true, Some(before)) => servers::checked(merged(before, given))?,
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
        changes,
    };
    printer.data("ProfileSave", &report, &[]);
    Ok(())
}

fn given(args: &Args, repository: &str, now: Timestamp) -> Result<PersonalProfile, CliError> {
    if args.plugin.is_empty() && args.mcp.is_empty() && args.from.is_none() {
        return Err(CliError::Usage {
            message: "nothing says what to save".to_owned(),
            hint: "pass --plugin NAME@MARKETPLACE, --mcp NAME=TARGET or --from FILE".to_owned(),
        });
    }
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

/// What was there, with the new in its place or behind it.
fn merged(before: &PersonalProfile, given: PersonalProfile) -> PersonalProfile {
    let name = |value: &serde_json::Value| servers::read(value).map(|s| s.name.to_lowercase());
    let new: Vec<_> = given.mcp_servers.iter().map(name).collect();
    let mut after = before.clone();
    after
        .mcp_servers
        .retain(|value| !new.contains(&name(value)));
    after.mcp_servers.extend(given.mcp_servers);
    after.plugins.extend(given.plugins);
    after.saved_at = given.saved_at;
    after
}
