//! What can be typed.

use clap::{ArgAction, Parser, Subcommand};

use crate::commands::{
    attach, audit, completion, config, context, dashboard, doctor, exceptions, exec, init, list,
    logs, mcp, network, org, plugin, profile, prove, provider, prune, refresh, resume, safety,
    sessions, setup, start, status, stop, team, unblock, worktree,
};

/// Runs coding agents in governed sandboxes.
///
/// Without a command: goes on with a session of this workspace, or starts one.
#[derive(Debug, Parser)]
#[command(name = "scc", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print nothing but results and errors
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) quiet: bool,
    /// Say what is done, on stderr; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 900)]
    pub(crate) verbose: u8,
    /// JSON is always printed for people to read, too; so this changes nothing
    #[arg(long, global = true, hide = true)]
    pub(crate) pretty: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Start(start::Args),
    Resume(resume::Args),
    Attach(attach::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Status(status::Args),
    Dashboard(dashboard::Args),
    Sessions(sessions::Args),
    Context(context::Args),
    #[command(visible_alias = "wt")]
    Worktree(worktree::Args),
    Stop(stop::Args),
    Prune(prune::Args),
    Exec(exec::Args),
    Logs(logs::Args),
    Provider(provider::Args),
    Plugin(plugin::Args),
    Mcp(mcp::Args),
    Network(network::Args),
    Safety(safety::Args),
    Prove(prove::Args),
    Config(config::Args),
    Org(org::Args),
    Team(team::Args),
    Exceptions(exceptions::Args),
    Unblock(unblock::Args),
    Setup(setup::Args),
    Init(init::Args),
    Profile(profile::Args),
    Doctor(doctor::Args),
    Audit(audit::Args),
    Completion(completion::Args),
    #[command(hide = true)]
    GitChange(worktree::HelperArgs),
    #[command(hide = true)]
    Refresh(refresh::Args),
}

impl Cli {
    /// How much is said about what is done. Where a command has a meaning of its own for the first
    /// `-v`, only the others count.
    pub(crate) fn loudness(&self) -> u8 {
        match self.command {
            Some(Command::Worktree(_)) => self.verbose.saturating_sub(1),
            _ => self.verbose,
        }
    }

    /// Whether the whole terminal is drawn on.
    pub(crate) fn is_fullscreen(&self) -> bool {
        matches!(self.command, None | Some(Command::Dashboard(_)))
    }

    /// Whether the result is to be printed as JSON.
    pub(crate) fn wants_json(&self) -> bool {
        let Some(command) = &self.command else {
            return false;
        };
        match command {
            Command::Start(args) => args.json,
            Command::List(args) => args.json,
            Command::Status(args) => args.json,
            Command::Dashboard(args) => args.json,
            Command::Sessions(args) => args.wants_json(),
            Command::Context(args) => args.wants_json(),
            Command::Worktree(args) => args.wants_json(),
            Command::Stop(args) => args.json,
            Command::Prune(args) => args.json,
            Command::Provider(args) => args.wants_json(),
            Command::Plugin(args) => args.wants_json(),
            Command::Mcp(args) => args.wants_json(),
            Command::Network(args) => args.wants_json(),
            Command::Safety(args) => args.wants_json(),
            Command::Prove(args) => args.json,
            Command::Config(args) => args.wants_json(),
            Command::Org(args) => args.wants_json(),
            Command::Team(args) => args.wants_json(),
            Command::Exceptions(args) => args.wants_json(),
            Command::Unblock(args) => args.json,
            Command::Setup(args) => args.json,
            Command::Init(args) => args.json,
            Command::Profile(args) => args.json,
            Command::Doctor(args) => args.json,
            Command::Audit(args) => args.json,
            Command::Attach(_)
            | Command::Resume(_)
            | Command::Exec(_)
            | Command::Logs(_)
            | Command::Completion(_)
            | Command::GitChange(_)
            | Command::Refresh(_) => false,
        }
    }
}
