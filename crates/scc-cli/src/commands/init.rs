use std::io::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::prompt::Prompter;

/// The name that makes a directory a workspace.
const FILE: &str = ".scc.yaml";

/// What is written: every key as a remark, so that it changes nothing until somebody wants it to.
const TEMPLATE: &str = include_str!("init.yaml");

/// Write a commented `.scc.yaml` for a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project: a directory in it is enough (default: the current directory)
    path: Option<PathBuf>,
    /// Replace the file that is there
    #[arg(short, long)]
    force: bool,
    /// Write it also where the directory does not look like a project
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct InitReport {
    file: String,
    replaced: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let named = args.path.as_deref().unwrap_or(Path::new("."));
    let root = scc_launch::detect_workspace(named)?.root;
    confirm(&root, args, context)?;
    let file = root.join(FILE);
    let replaced = file.symlink_metadata().is_ok();
    if replaced && !args.force {
        return Err(CliError::Failed {
            message: format!("`{}` is there already", file.display()),
            hint: "replace it: scc init --force".to_owned(),
        });
    }
    write(&file).map_err(|source| CliError::Write {
        path: file.clone(),
        source,
    })?;
    let report = InitReport {
        file: file.display().to_string(),
        replaced,
    };
    context.printer.data("InitResult", &report, &[]);
    context.printer.result(&report.file);
    context
        .printer
        .note("every key in it is a remark: remove the `#` of what the project needs");
    Ok(0)
}

fn confirm(root: &Path, args: &Args, context: &Context) -> Result<(), CliError> {
    let suspicion = scc_launch::suspicion(root, context.host.home.as_deref());
    let Some(reason) = suspicion.filter(|_| !args.yes) else {
        return Ok(());
    };
    let instead = CliError::Usage {
        message: format!(
            "`{}` does not look like a project: {reason}",
            root.display()
        ),
        hint: "name the project's directory, or pass --yes".to_owned(),
    };
    let question = format!("{reason}. Write {} there?", root.join(FILE).display());
    match Prompter::new(!args.json).confirm(&question, instead)? {
        true => Ok(()),
        false => Err(CliError::CANCELLED),
    }
}

/// Writes a new file and renames it, so that a link that an agent put there is replaced, not
/// followed.
fn write(file: &Path) -> std::io::Result<()> {
    let new = file.with_file_name(format!("{FILE}.new-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&new)
        .and_then(|mut opened| opened.write_all(TEMPLATE.as_bytes()))
        .and_then(|()| std::fs::rename(&new, file));
    if written.is_err() {
        // It may not be there; the first error is the one to tell.
        let _ = std::fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use scc_config::{Document, ProjectConfig};

    use super::*;

    fn read(text: &str) -> ProjectConfig {
        let document = Document::<ProjectConfig>::parse(text, Path::new(FILE)).unwrap();
        assert!(document.check().is_empty(), "{:?}", document.check());
        document.into_value()
    }

    #[test]
    fn the_file_changes_nothing_as_it_is() {
        assert_eq!(read(TEMPLATE), ProjectConfig::default());
    }

    #[test]
    fn every_example_in_it_is_valid() {
        let examples: Vec<_> = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if key.starts_with(|c: char| c == '-' || c.is_ascii_lowercase()) => key,
                _ => line,
            })
            .collect();
        let project = read(&(examples.join("\n") + "\n"));
        assert_eq!(project.additional_plugins.len(), 1);
        assert_eq!(project.additional_mcp_servers.len(), 2);
        assert!(project.network_policy.is_some());
        assert!(project.session.timeout_hours.is_some());
        assert!(project.dev_environment.commands.contains_key("test"));
    }
}
