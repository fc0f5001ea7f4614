use std::path::Path;

use jiff::Timestamp;
use scc_state::{PersonalProfile, StateDir};
use schemars::JsonSchema;
use serde::Serialize;

use super::agent::{self, AgentDrift};
use super::repository::Repository;
use super::servers::{self, ServerReport};
use super::{Desk, apply, sync};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{age, one_line, table};

#[derive(Serialize, JsonSchema)]
pub(crate) struct ProfileReport {
    repository: String,
    current: bool,
    saved_at: Timestamp,
    plugins: Vec<String>,
    mcp_servers: Vec<ServerReport>,
}

impl ProfileReport {
    fn new(profile: PersonalProfile, current: Option<&str>) -> Self {
        Self {
            current: current == Some(profile.repository.as_str()),
            mcp_servers: servers::reports(&profile),
            saved_at: profile.saved_at,
            plugins: profile.plugins,
            repository: profile.repository,
        }
    }
}

pub(super) fn list(
    state: &StateDir,
    workspace: Option<&Path>,
    context: &Context,
) -> Result<(), CliError> {
    let here = Repository::find(workspace).ok().map(|found| found.id);
    let loaded = state.profiles()?;
    let profiles = loaded.value.into_iter();
    let reports: Vec<_> = profiles
        .map(|profile| ProfileReport::new(profile, here.as_deref()))
        .collect();
    let printer = context.printer;
    printer.data("ProfileList", &reports, &loaded.warnings);
    for warning in &loaded.warnings {
        printer.warning(warning);
    }
    if reports.is_empty() {
        printer.note("no profiles yet; make one: scc profile save --plugin NAME@MARKETPLACE");
        return Ok(());
    }
    let now = Timestamp::now();
    let row = |report: &ProfileReport| {
        let mark = if report.current { "here" } else { "" };
        vec![
            report.repository.clone(),
            report.plugins.len().to_string(),
            report.mcp_servers.len().to_string(),
            format!("{} ago", age(report.saved_at, now)),
            mark.to_owned(),
        ]
    };
    let header = ["REPOSITORY", "PLUGINS", "MCP SERVERS", "SAVED", ""];
    printer.result(&table(&header, reports.iter().map(row).collect()));
    Ok(())
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProfileStatusReport")]
pub(crate) struct StatusReport<'a> {
    repository: &'a str,
    profile: Option<ProfileReport>,
    file: String,
    applied_at: Option<Timestamp>,
    drift: &'static str,
    /// What is enabled in the agent; none where that is not known.
    agent: Option<AgentDrift>,
    repository_copy: &'static str,
    /// Why no profile applies here.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
}

pub(super) async fn status(desk: &Desk<'_>) -> Result<(), CliError> {
    let id = &desk.repository.id;
    let profile = desk.state.profile(id)?;
    let applied = desk.state.applied_profile(id)?;
    let report = StatusReport {
        repository: id,
        applied_at: applied.as_ref().map(|applied| applied.applied_at),
        drift: match &profile {
            Some(profile) => apply::drift(profile, applied.as_ref())?,
            None => "no profile",
        },
        agent: agent::drift(profile.as_ref(), desk).await.ok(),
        repository_copy: sync::state_of_copy(desk, profile.as_ref()),
        doubt: desk.repository.doubt(desk.state)?,
        profile: profile.map(|profile| ProfileReport::new(profile, Some(id))),
        file: desk.state.profile_file(id).display().to_string(),
    };
    let printer = desk.context.printer;
    printer.data("ProfileStatus", &report, &[]);
    printer.result(&text(&report));
    Ok(())
}

fn text(report: &StatusReport<'_>) -> String {
    let mut lines = vec![format!("Repository  {}", report.repository)];
    if let Some(doubt) = &report.doubt {
        lines.push(format!(
            "Applies     no: {doubt}; if it is right: scc profile apply"
        ));
    }
    let Some(profile) = &report.profile else {
        lines.push("Profile     none".to_owned());
        lines.extend(in_agent(report));
        lines.push(format!("In .scc     {}", report.repository_copy));
        return lines.join("\n");
    };
    let age = age(profile.saved_at, Timestamp::now());
    lines.push(format!("Profile     saved {age} ago in {}", report.file));
    lines.push(format!("Drift       {}", drift(report)));
    lines.extend(in_agent(report));
    lines.push(format!("In .scc     {}", report.repository_copy));
    lines.extend(
        profile
            .plugins
            .iter()
            .map(|plugin| format!("Plugin      {plugin}")),
    );
    let servers = profile.mcp_servers.iter();
    lines.extend(servers.map(|server| {
        let ServerReport {
            name,
            transport,
            target,
        } = server;
        format!("MCP server  {name} ({transport}, {target})")
    }));
    lines.join("\n")
}

fn in_agent(report: &StatusReport<'_>) -> Vec<String> {
    let left_out = report.agent.iter().flat_map(|agent| &agent.left_out);
    let left_out = left_out.map(|what| format!("Not taken   {}", one_line(what)));
    let first = format!("In agent    {}", enabled_in_agent(report));
    std::iter::once(first).chain(left_out).collect()
}

fn enabled_in_agent(report: &StatusReport<'_>) -> String {
    match &report.agent {
        None => "not known: no container engine answers, or no agent is chosen".to_owned(),
        Some(agent) if agent.changes.is_empty() => {
            format!(
                "nothing is enabled in {} that the profile lacks",
                agent.name
            )
        }
        Some(agent) => {
            let items = agent.changes.iter();
            let items: Vec<_> = items.map(|change| one_line(&change.item)).collect();
            let (name, items) = (agent.name, items.join(", "));
            format!(
                "enabled in {name} and not so in the profile: {items}; take it: scc profile save"
            )
        }
    }
}

fn drift(report: &StatusReport<'_>) -> String {
    let Some(at) = report.applied_at else {
        return "never applied: scc profile apply".to_owned();
    };
    let age = age(at, Timestamp::now());
    match report.drift {
        "none" => format!("none, as applied {age} ago"),
        _ => format!("changed since it was applied {age} ago: scc profile diff"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_from_the_agent_is_said() {
        let report = StatusReport {
            repository: "path:/w",
            profile: None,
            file: String::new(),
            applied_at: None,
            drift: "no profile",
            agent: Some(AgentDrift {
                provider: "a".to_owned(),
                changes: Vec::new(),
                left_out: vec!["`a.json` of the agent is larger than 9 bytes".to_owned()],
                name: "A",
            }),
            repository_copy: "none",
            doubt: None,
        };
        let text = text(&report);
        let said = "Not taken   `a.json` of the agent is larger than 9 bytes";
        assert!(text.lines().any(|line| line == said), "{text}");
        assert!(!text.contains("no container engine answers"), "{text}");
    }
}
