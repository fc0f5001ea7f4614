mod edit;
mod explain;
mod keys;
mod paths;
pub(crate) mod settings;
mod validate;

use clap::Subcommand;
pub(crate) use settings::update as update_settings;
pub(crate) use validate::{Kind, check as check_document};

use crate::context::Context;
use crate::error::CliError;

/// Show, change and check settings, and explain which rules apply and why
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
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
            Command::Show(args) => args.json,
            Command::Get(args) => args.json,
            Command::Set(args) => args.json,
            Command::Edit(_) => false,
            Command::Explain(args) => args.json,
            Command::Validate(args) => args.json,
            Command::Paths(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::Show(_) => settings::show(context),
        Command::Get(args) => settings::get(args, context),
        Command::Set(args) => settings::set(args, context),
        Command::Edit(args) => edit::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Paths(_) => paths::run(context),
    }
}
