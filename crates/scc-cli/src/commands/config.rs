mod edit;
pub(crate) mod explain;
mod keys;
pub(crate) mod paths;
pub(crate) mod settings;
pub(crate) mod validate;

use clap::Subcommand;
pub(crate) use settings::update as update_settings;
pub(crate) use validate::{Kind, check as check_document};

use crate::context::Context;
use crate::error::CliError;

/// Show, change and check settings, and explain which rules apply and why
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Show your settings, as `scc config show` does
    #[arg(long, hide = true)]
    show: bool,
    /// Edit your settings, as `scc config edit` does
    #[arg(long, hide = true, conflicts_with = "show")]
    edit: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(settings::ShowArgs),
    Get(settings::GetArgs),
    Set(settings::SetArgs),
    Edit(edit::Args),
    Explain(explain::Args),
    Validate(validate::Args),
    Paths(paths::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            None => self.json && !self.edit,
            Some(Command::Show(args)) => args.json,
            Some(Command::Get(args)) => args.json,
            Some(Command::Set(args)) => args.json,
            Some(Command::Edit(_)) => false,
            Some(Command::Explain(args)) => args.json,
            Some(Command::Validate(args)) => args.json,
            Some(Command::Paths(args)) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        None if args.edit => edit::run(&edit::Args::default(), context),
        None | Some(Command::Show(_)) => settings::show(context),
        Some(Command::Get(args)) => settings::get(args, context),
        Some(Command::Set(args)) => settings::set(args, context),
        Some(Command::Edit(args)) => edit::run(args, context),
        Some(Command::Explain(args)) => explain::run(args, context),
        Some(Command::Validate(args)) => validate::run(args, context),
        Some(Command::Paths(args)) => paths::run(args, context),
    }
}
