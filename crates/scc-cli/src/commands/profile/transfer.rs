//! Profiles as files.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_state::{PersonalProfile, ProfileError};
use schemars::JsonSchema;
use serde::Serialize;

use super::changes::{self, Change};
use super::{Desk, literals, servers};
use crate::error::CliError;

/// More than any profile needs.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Write the profile to a file, for another machine
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The file, which only you can read (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write values, too, that may be secrets
    #[arg(long)]
    include_secrets: bool,
    /// Replace the file if it is there
    #[arg(short, long)]
    force: bool,
}

/// Take an exported profile for this repository
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The exported profile
    file: PathBuf,
    /// Show what would become different, and change nothing
    #[arg(long)]
    preview: bool,
    /// Take it although it was made for another repository
    #[arg(short, long)]
    force: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct TransferReport<'a> {
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    applied: bool,
    changes: Vec<Change>,
}

pub(super) fn export(args: &ExportArgs, desk: &Desk<'_>) -> Result<(), CliError> {
    let profile = desk.profile()?;
    let printer = desk.context.printer;
    literals::refuse(&profile, args.include_secrets, "an export may get around")?;
    if let Some((server, place)) = literals::find(&profile) {
        printer.warning(&format!(
            "MCP server `{server}` may have a secret in {place}: keep the export to yourself"
        ));
    }
    let Some(file) = &args.output else {
        let text = profile.to_json()?;
        let exported: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        printer.data("ProfileExport", &exported, &[]);
        printer.result(&text);
        return Ok(());
    };
    // A file without a folder in its name has no parent to be replaced in.
    let file = &std::path::absolute(file).map_err(|source| CliError::Write {
        path: file.clone(),
        source,
    })?;
    if !args.force && std::fs::symlink_metadata(file).is_ok() {
        return Err(CliError::Failed {
            message: format!("`{}` is there already", file.display()),
            hint: "pass --force to replace it, or -o to write another file".to_owned(),
        });
    }
    profile.export(file)?;
    let report = TransferReport {
        repository: &desk.repository.id,
        file: Some(file.display().to_string()),
        applied: true,
        changes: Vec::new(),
    };
    printer.data("ProfileExport", &report, &[]);
    printer.result(&file.display().to_string());
    Ok(())
}

pub(super) fn import(args: &ImportArgs, desk: &Desk<'_>) -> Result<(), CliError> {
    let found = read(&args.file)?;
    let id = &desk.repository.id;
    if found.repository != *id && !args.force {
        return Err(CliError::Failed {
            message: format!(
                "the profile is for `{}`, and this is `{id}`",
                found.repository
            ),
            hint: "take it all the same: scc profile import --force FILE".to_owned(),
        });
    }
    let changes = match args.preview {
        true => changes::between(desk.state.profile(id)?.as_ref(), &found),
        false => take(found, desk)?,
    };
    report(changes, !args.preview, "ProfileImport", desk);
    Ok(())
}

/// An exported profile that is what it should be.
fn read(file: &Path) -> Result<PersonalProfile, CliError> {
    let large = std::fs::metadata(file).is_ok_and(|meta| !meta.is_file() || meta.len() > MAX_BYTES);
    if large {
        let file = file.display();
        return Err(unusable(format!("`{file}` is not an exported profile")));
    }
    checked(PersonalProfile::import(file))
}

/// A profile that was read and is what it should be.
pub(super) fn checked(
    read: Result<PersonalProfile, ProfileError>,
) -> Result<PersonalProfile, CliError> {
    let profile = read.map_err(|error| match error {
        ProfileError::State(error) => CliError::State(error),
        error => unusable(error.to_string()),
    })?;
    servers::checked(profile)
}

fn unusable(message: String) -> CliError {
    CliError::Failed {
        message,
        hint: "such a file is made by: scc profile export -o FILE".to_owned(),
    }
}

/// Records a profile for this repository, and says what became different.
pub(super) fn take(mut profile: PersonalProfile, desk: &Desk<'_>) -> Result<Vec<Change>, CliError> {
    let id = &desk.repository.id;
    profile.repository.clone_from(id);
    let changes = desk.state.update_profile(id, Timestamp::now(), |slot| {
        let changes = changes::between(slot.as_ref(), &profile);
        *slot = Some(profile);
        changes
    })?;
    Ok(changes)
}

pub(super) fn report(changes: Vec<Change>, applied: bool, kind: &'static str, desk: &Desk<'_>) {
    let printer = desk.context.printer;
    changes::show(&changes, printer);
    if changes.is_empty() {
        printer.note("nothing is different");
    } else if !applied {
        printer.note("a preview: nothing was changed");
    }
    let report = TransferReport {
        repository: &desk.repository.id,
        file: None,
        applied,
        changes,
    };
    printer.data(kind, &report, &[]);
}
