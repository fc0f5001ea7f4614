use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::{Command, Stdio};

use scc_config::UserConfig;

use super::settings::other_rules;
use crate::context::Context;
use crate::environment;
use crate::error::CliError;
use crate::findings;
use crate::prompt::Prompter;

/// Edit your settings in your editor; what is not valid is not kept
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Never ask
    #[arg(long)]
    non_interactive: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let editor = editor()?;
    let file = &context.config_file;
    let before = fs::read(file).ok();
    let copy = context
        .state()?
        .root()
        .join(format!("settings-{}.json", std::process::id()));
    let text = before.clone().unwrap_or_else(|| b"{}\n".to_vec());
    scc_state::write_private_file(&copy, &text)?;
    let outcome = until_valid(args, context, &editor, &copy);
    let outcome = outcome.and_then(|()| save(context, before.as_deref(), &text, &copy));
    if outcome.is_err() && fs::read(&copy).is_ok_and(|typed| typed != text) {
        let at = copy.display();
        let typed = format!("what you typed is in `{at}`");
        context.printer.note(&typed);
    } else {
        // A leftover copy does no harm.
        let _ = fs::remove_file(&copy);
    }
    let _ = fs::remove_file(copy.with_extension("lock"));
    outcome
}

/// Keeps what was typed, if it is something else than there was.
fn save(
    context: &Context,
    before: Option<&[u8]>,
    text: &[u8],
    copy: &Path,
) -> Result<u8, CliError> {
    let edited = read(copy)?;
    if edited == text {
        context.printer.note("nothing was changed");
        return Ok(0);
    }
    keep(context, before, edited)?;
    let kept = format!("kept the changes in {}", context.config_file.display());
    context.printer.note(&kept);
    Ok(0)
}

/// Replaces the settings if nobody else did meanwhile.
fn keep(context: &Context, before: Option<&[u8]>, edited: Vec<u8>) -> Result<(), CliError> {
    let file = &context.config_file;
    let parsed = |bytes: &[u8]| UserConfig::parse(&String::from_utf8_lossy(bytes), file);
    let earlier = before.map(parsed).and_then(Result::ok);
    let changed = other_rules(&earlier.unwrap_or_default(), &parsed(&edited)?);
    let audit = context.state()?.audit();
    scc_state::update_private_file(file, |now| {
        if now.as_deref() != before {
            return Err(CliError::Failed {
                message: format!("`{}` was changed meanwhile", file.display()),
                hint: "edit it again: scc config edit".to_owned(),
            });
        }
        if let Some(data) = changed {
            audit.append("settings.changed", None, data, jiff::Timestamp::now())?;
        }
        Ok(Some(edited))
    })
}

fn editor() -> Result<String, CliError> {
    let terminal = std::io::stdin().is_terminal();
    let usual = terminal.then(|| "vi".to_owned());
    environment::editor().or(usual).ok_or(CliError::Usage {
        message: "there is no terminal and no editor".to_owned(),
        hint: "set EDITOR, or change one setting: scc config set KEY VALUE".to_owned(),
    })
}

fn until_valid(args: &Args, context: &Context, editor: &str, copy: &Path) -> Result<(), CliError> {
    loop {
        edit(editor, copy)?;
        let bytes = read(copy)?;
        let text = String::from_utf8_lossy(&bytes);
        match UserConfig::parse(&text, &context.config_file) {
            Err(error) => context.printer.note(&findings::text(&[error])),
            Ok(config) => match context.unknown_providers(&config).first() {
                None => return Ok(()),
                Some(id) => context.printer.error(&context.no_such_provider(id)),
            },
        }
        let instead = CliError::Invalid {
            message: "the settings are not valid, and were not kept".to_owned(),
            hint: "edit them again: scc config edit".to_owned(),
        };
        if !Prompter::new(!args.non_interactive).confirm("Edit again?", instead)? {
            return Err(CliError::CANCELLED);
        }
    }
}

/// Runs the editor, whose setting may hold arguments.
fn edit(editor: &str, copy: &Path) -> Result<(), CliError> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(copy);
    if !std::io::stdin().is_terminal() {
        command.stdin(Stdio::null());
    }
    let failed = |reason: String| CliError::Failed {
        message: format!("the editor `{editor}` {reason}"),
        hint: "set VISUAL or EDITOR to your editor".to_owned(),
    };
    let status = command
        .status()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(format!("failed ({status})"))),
    }
}

fn read(copy: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(copy).map_err(|source| CliError::Write {
        path: copy.to_owned(),
        source,
    })
}
