//! Profiles in the repository, for a person's other machines. An agent can write there: nothing is
//! followed on the way, and what comes from there is shown before it counts.

use std::path::{Path, PathBuf};

use scc_state::{Beneath, PersonalProfile};

use super::{Desk, changes, literals, transfer};
use crate::error::CliError;
use crate::prompt::Prompter;

/// Where profiles are in a repository.
const FOLDER: &str = ".scc/profiles";

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

/// The file in the repository, below a folder that is held open.
struct Shared {
    folder: Beneath,
    name: PathBuf,
}

/// The name of that file.
fn name(desk: &Desk<'_>) -> PathBuf {
    let own = desk.state.profile_file(&desk.repository.id);
    PathBuf::from(own.file_name().unwrap_or_default())
}

/// Where it is, for what is said.
fn path(desk: &Desk<'_>) -> PathBuf {
    desk.repository.root.join(FOLDER).join(name(desk))
}

impl Shared {
    /// `None` where the repository has no folder for it.
    fn open(desk: &Desk<'_>) -> Result<Option<Self>, CliError> {
        let folder = Beneath::open(&desk.repository.root, Path::new(FOLDER))?;
        let name = name(desk);
        Ok(folder.map(|folder| Self { folder, name }))
    }

    /// The folder is made where it is missing.
    fn make(desk: &Desk<'_>) -> Result<Self, CliError> {
        let folder = Beneath::make(&desk.repository.root, Path::new(FOLDER))?;
        let name = name(desk);
        Ok(Self { folder, name })
    }

    /// The profile in it, where there is one.
    fn read(&self, path: &Path) -> Result<Option<PersonalProfile>, CliError> {
        let bytes = self.folder.read(&self.name, transfer::MAX_BYTES)?;
        let profile = bytes.map(|bytes| PersonalProfile::parse(&bytes, path));
        profile.map(transfer::checked).transpose()
    }
}

/// The profile in the repository, where there is one.
fn found(desk: &Desk<'_>, path: &Path) -> Result<Option<PersonalProfile>, CliError> {
    match Shared::open(desk)? {
        Some(shared) => shared.read(path),
        None => Ok(None),
    }
}

fn push(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let profile = desk.profile()?;
    let who = "a repository shows it to others";
    literals::refuse(&profile, args.include_secrets, who)?;
    let (path, shared) = (path(desk), Shared::make(desk)?);
    let before = shared.read(&path).ok().flatten();
    let text = profile.to_json()?;
    shared.folder.replace(&shared.name, text.as_bytes())?;
    let changes = changes::between(before.as_ref(), &profile);
    transfer::report(changes, true, "ProfileSync", desk);
    desk.context
        .printer
        .note(&format!("wrote {}", path.display()));
    Ok(())
}

fn pull(args: &Args, desk: &Desk<'_>) -> Result<(), CliError> {
    let path = path(desk);
    let found = found(desk, &path)?.ok_or_else(|| CliError::Failed {
        message: format!("the repository has no profile `{}`", path.display()),
        hint: "put yours there: scc profile sync --push".to_owned(),
    })?;
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
    match (found(desk, &path(desk)), profile) {
        (Err(_), _) => "unusable",
        (Ok(None), _) => "none",
        (Ok(Some(copy)), Some(profile)) if changes::between(Some(profile), &copy).is_empty() => {
            "same"
        }
        (Ok(_), _) => "different",
    }
}
