pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod rules;

use std::path::PathBuf;

use clap::Subcommand;
use scc_config::SafetyNet;
use scc_launch::safety_policy;
use scc_policy::{Origin, Sourced};
use scc_safety::{Action, Group, Policy, RuleInfo};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Effective, workspace_root};

/// Explain which commands sandboxes refuse
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
    Rules(rules::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Check(args) => args.json,
            Command::Explain(args) => args.json,
            Command::Rules(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::Check(args) => check::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Rules(args) => rules::run(args, context),
    }
}

/// Whose safety net is meant.
#[derive(Debug, clap::Args)]
struct Where {
    /// The workspace instead of the current directory
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// As if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Use copies of documents only
    #[arg(long)]
    offline: bool,
}

/// The safety net that a sandbox would have, and who said so.
struct Net {
    policy: Policy,
    origin: Origin,
}

impl Net {
    fn load(here: &Where, context: &Context) -> Result<Self, CliError> {
        let asked = Asked {
            workspace: Some(workspace_root(here.workspace.as_deref())?),
            team: here.team.clone(),
            offline: here.offline,
            ..Asked::default()
        };
        let effective = Effective::load(context, asked)?;
        let Sourced { value, origin } = effective.policy.safety_net;
        Ok(Self::new(&value, origin))
    }

    fn new(net: &SafetyNet, origin: Origin) -> Self {
        Self {
            policy: safety_policy(net),
            origin,
        }
    }

    /// What happens to a command that a rule of this group finds.
    fn action(&self, group: Group) -> &'static str {
        match self.policy.action {
            _ if !self.policy.is_on(group) => "allow",
            Action::Block => "refuse",
            Action::Warn => "warn",
            Action::Allow => "allow",
        }
    }
}

/// A rule, and what happens here to what it finds.
#[derive(Serialize, JsonSchema)]
struct RuleReport {
    rule: &'static str,
    /// Its switch in the organization's document, where it has one.
    switch: Option<&'static str>,
    /// `refuse`, `warn` or `allow`.
    action: &'static str,
    /// The commands that it stops.
    stops: &'static str,
}

impl RuleReport {
    fn of(rule: &'static RuleInfo, net: &Net) -> Self {
        Self {
            rule: rule.id.as_str(),
            switch: rule.group.switch(),
            action: net.action(rule.group),
            stops: rule.stops,
        }
    }
}
