use scc_config::UserConfig;
use scc_dashboard::{Action, Level, Operation, Row, Tab, TabRows};
use scc_launch::SessionView;

use super::{Desk, detail};
use crate::commands::status::{describe_mode, mode, organization, preference};
use crate::dashboard::facts::{Engine, Trouble};

impl Desk<'_> {
    pub(super) fn status(&self) -> TabRows {
        let mut rows = match &self.facts.config {
            Ok(config) => self.settings(config),
            Err(trouble) => vec![troubled("Mode", trouble)],
        };
        rows.push(self.engine());
        rows.push(self.running());
        rows.push(self.here());
        if let Err(trouble) = &self.facts.sessions {
            rows.push(troubled("Sessions", trouble));
        }
        for (number, warning) in self.facts.warnings.iter().enumerate() {
            let mut row = Row::new(format!("warning {number}"), ["Noticed", warning]);
            row.level = Level::Warning;
            detail(&mut row, "Noticed", Some(warning));
            rows.push(row);
        }
        TabRows {
            rows,
            ..TabRows::default()
        }
    }

    fn settings(&self, config: &UserConfig) -> Vec<Row> {
        let name = mode(config);
        let organization = organization(config, self.context);
        let team = config.team.as_deref().filter(|_| !config.standalone);
        let team = format!("team {}", team.unwrap_or("none"));
        let text = describe_mode(name, organization.as_deref(), &team);
        let mut mode = Row::new("mode", ["Mode", &text]);
        mode.level = match name {
            "organization" => Level::Good,
            _ => Level::Warning,
        };
        let file = self.context.readable(&self.context.config_file);
        detail(&mut mode, "Mode", Some(text));
        detail(&mut mode, "Settings", Some(file));
        let explain = "Explain the rules that apply here";
        mode.actions = vec![
            Action::labelled(Operation::Maintain, "explain", explain),
            Action::new(Operation::SwitchTeam, ""),
        ];
        let preferred = preference(config).unwrap_or_else(|| "none preferred".to_owned());
        let mut provider = Row::new("provider", ["Provider", &preferred]);
        let readiness = Action::labelled(Operation::Maintain, "providers", "How ready agents are");
        provider.actions = vec![readiness];
        vec![mode, provider]
    }

    fn engine(&self) -> Row {
        let doctor = Action::labelled(Operation::Maintain, "doctor", "Check what scc needs");
        let mut row = match &self.facts.engine {
            Engine::Asked => Row {
                level: Level::Faint,
                ..Row::new("engine", ["Engine", "asking…"])
            },
            Engine::Silent(trouble) => Row {
                id: "engine".to_owned(),
                ..troubled("Engine", trouble)
            },
            Engine::Answered { info, .. } => {
                let text = format!("{} {} at {}", info.name, info.version, info.endpoint);
                let mut row = Row::new("engine", ["Engine", &text]);
                row.level = Level::Good;
                detail(&mut row, "Engine", Some(&info.name));
                detail(&mut row, "Version", Some(&info.version));
                detail(&mut row, "Address", Some(&info.endpoint));
                detail(&mut row, "Platform", Some(&info.platform));
                row
            }
        };
        row.actions = vec![doctor];
        row
    }

    fn running(&self) -> Row {
        let text = match &self.facts.engine {
            Engine::Answered { sandboxes, .. } => {
                let running = sandboxes.iter().filter(|sandbox| sandbox.is_running());
                summary(&running.collect::<Vec<_>>())
            }
            _ => "unknown".to_owned(),
        };
        let mut row = Row::new("running", ["Running", &text]);
        let title = Tab::Containers.title();
        row.actions = vec![Action::labelled(Operation::Show, title, "Show containers")];
        row
    }

    fn here(&self) -> Row {
        let text = match &self.facts.here {
            Some(here) if self.facts.is_in_workspace() => {
                let path = self.context.readable(&here.root);
                let branch = here.branch.as_deref();
                branch.map_or_else(|| path.clone(), |branch| format!("{path} on {branch}"))
            }
            _ => {
                "no workspace: neither a git repository nor a directory with a .scc.yaml".to_owned()
            }
        };
        let mut row = Row::new("here", ["Here", &text]);
        row.actions = self.general();
        row
    }
}

/// How many there are, and the first of them.
fn summary(running: &[&SessionView]) -> String {
    const NAMED: usize = 3;
    let name = |view: &&SessionView| view.name.clone().unwrap_or_else(|| view.container.clone());
    let names: Vec<_> = running.iter().take(NAMED).map(name).collect();
    match running.len() {
        0 => "0".to_owned(),
        count if count > NAMED => format!("{count}: {}, …", names.join(", ")),
        count => format!("{count}: {}", names.join(", ")),
    }
}

fn troubled(name: &str, trouble: &Trouble) -> Row {
    let mut row = Row::new(name.to_lowercase(), [name, &trouble.message]);
    row.level = Level::Error;
    detail(&mut row, "Error", Some(&trouble.message));
    detail(
        &mut row,
        "",
        Some(trouble.details.join("\n")).filter(|text| !text.is_empty()),
    );
    row
}
