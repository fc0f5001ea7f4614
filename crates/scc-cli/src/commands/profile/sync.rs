//! Profiles in the repository, for a person's other machines. An agent can write there: nothing is
//! followed on the way, and what comes from there is shown before it counts.

use std::path::{Path, PathBuf};

use scc_state::{PersonalProfile, StateError};

use super::{Desk, changes, literals, transfer};
use crate::error::CliError;
use crate::prompt::Prompter;

/// Copy the profile to the repository, or from it
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("direction").required(true).args(["push", "pull"])))]
pub(super) struct Args {
    /// Write the profile to `.scc/profiles` in the repository
    #[arg(long)]
    push: bool,
    /// Take the profile that is in the repository
    #[arg(long)]
    pull: bool,
    /// Write values, too, that may be secrets
    #[arg(long, requires = "push")]
    include_secrets: bool,
    /// Do not ask before a profile of the repository is taken
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    match args.push {
        true => push(args, desk),
        false => pull(args, desk),
    }
}

/// The file in the repository; an error where a link would lead elsewhere.
fn file(desk: &Desk<'_>) -> Result<PathBuf, CliError> {
    let own = desk.state.profile_file(&desk.repository.id);
    let name = own.file_name().unwrap_or_default();
    let scc = desk.repository.root.join(".scc");
    let folder = scc.join("profiles");
    let file = folder.join(name);
    for path in [&scc, &folder, &file] {
        if path.is_symlink() {
            let path = path.clone();
            let found = "a symbolic link";
            return Err(StateError::Unexpected { path, found }.into());
        }
    }
    Ok(file)
}

fn push(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let profile = desk.profile()?;
    let who = "a repository shows it to others";
    literals::refuse(&profile, args.include_secrets, who)?;
    let path = file(desk)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(|source| CliError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let path = file(desk)?;
    let before = transfer::read(&path).ok();
    profile.export(&path)?;
    let changes = changes::between(before.as_ref(), &profile);
    transfer::report(changes, true, "ProfileSync", desk);
    desk.context
        .printer
        .note(&format!("wrote {}", path.display()));
    Ok(())
}

fn pull(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let path = file(desk)?;
    if !path.exists() {
        return Err(CliError::Failed {
            message: format!("the repository has no profile `{}`", path.display()),
            hint: "put yours there: scc profile sync --push".to_owned(),
        });
    }
    let found = transfer::read(&path)?;
    let id = &desk.repository.id;
    if found.repository != *id {
        return Err(CliError::Failed {
            message: format!("`{}` is for `{}`", path.display(), found.repository),
            hint: String::new(),
        });
    }
    let changes = changes::between(desk.state.profile(id)?.as_ref(), &found);
    if !changes.is_empty() && !args.yes {
        confirm(&changes::text(&changes), desk)?;
    }
    let changes = transfer::take(found, desk)?;
    transfer::report(changes, true, "ProfileSync", desk);
    Ok(())
}

fn confirm(changes: &str, desk: &Desk<'_>) -> Result<(), CliError> {
    let instead = CliError::Usage {
        message: "the repository's profile is different, and an agent may have written it"
            .to_owned(),
        hint: "look at `.scc/profiles`, then: scc profile sync --pull --yes".to_owned(),
    };
    desk.context.printer.note(changes);
    let question = "An agent may have written this. Take it?";
    match Prompter::new(!desk.json).confirm(question, instead)? {
        true => Ok(()),
        false => Err(CliError::CANCELLED),
    }
}

/// How the copy in the repository compares, in a word.
pub(super) fn state_of_copy(desk: &Desk<'_>, profile: Option<&PersonalProfile>) -> &'static str {
    let Ok(path) = file(desk) else {
        return "unusable";
    };
    if !path.exists() {
        return "none";
    }
    match (transfer::read(&path), profile) {
        (Err(_), _) => "unusable",
        (Ok(copy), Some(profile)) if changes::between(Some(profile), &copy).is_empty() => "same",
        (Ok(_), _) => "different",
    }
}
