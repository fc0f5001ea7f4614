use std::path::{Path, PathBuf};

use clap::ValueEnum;
use scc_config::{ConfigError, Document, DocumentKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::findings::{self, FindingReport, count};
use crate::governance::workspace_root;

/// Check documents: your settings and this workspace's, or the files that are named
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to check
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are, where their names and content do not tell
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// An organization's document
    Org,
    /// A federated team's document
    Team,
    /// A workspace's document
    Project,
    /// A user's settings
    User,
}

impl From<Kind> for DocumentKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Org => Self::Org,
            Kind::Team => Self::Team,
            Kind::Project => Self::Project,
            Kind::User => Self::User,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct FileReport {
    file: String,
    kind: &'static str,
    valid: bool,
    findings: Vec<FindingReport>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let wanted = match args.files.is_empty() {
        false => args
            .files
            .iter()
            .map(|file| (file.clone(), args.kind.map(Into::into)))
            .collect(),
        true => usual(context)?,
    };
    let mut reports = Vec::new();
    let mut lines = Vec::new();
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (file, kind) in wanted {
        let Checked {
            kind,
            found,
            advice,
        } = check(&file, kind, context)?;
        warnings.extend(advice);
        let shown = file.display().to_string();
        match found.is_empty() {
            true => lines.push(format!("{shown}: valid ({})", word(kind))),
            false => {
                errors.push(format!("{shown}: {}", count(found.len(), "error")));
                lines.push(findings::text(&found));
            }
        }
        reports.push(FileReport {
            file: shown,
            kind: word(kind),
            valid: found.is_empty(),
            findings: findings::reports(&found),
        });
    }
    context
        .printer
        .data_with("ConfigValidate", &reports, &errors, &warnings);
    context.printer.warnings(&warnings);
    context.printer.result(&lines.join("\n"));
    Ok(if errors.is_empty() { 0 } else { 3 })
}

/// The settings, and the workspace's document where there is one.
fn usual(context: &Context) -> Result<Vec<(PathBuf, Option<DocumentKind>)>, CliError> {
    let project = workspace_root(None)?.join(DocumentKind::Project.file_name());
    let both = [
        (context.config_file.clone(), Some(DocumentKind::User)),
        (project, Some(DocumentKind::Project)),
    ];
    let there: Vec<_> = both
        .into_iter()
        .filter(|(file, _)| file.is_file())
        .collect();
    match there.is_empty() {
        false => Ok(there),
        true => Err(CliError::Failed {
            message: "there are neither settings nor a document of this workspace".to_owned(),
            hint: "name a file: scc config validate FILE".to_owned(),
        }),
    }
}

/// A file that was checked.
pub(crate) struct Checked {
    kind: DocumentKind,
    /// What is wrong with it.
    pub(crate) found: Vec<ConfigError>,
    /// What a valid one probably does not mean.
    pub(crate) advice: Vec<String>,
}

/// Checks a file as what it is said or seems to be.
pub(crate) fn check(
    file: &Path,
    kind: Option<DocumentKind>,
    context: &Context,
) -> Result<Checked, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::Invalid {
        message: format!("cannot read `{}`: {error}", file.display()),
        hint: String::new(),
    })?;
    let kind = kind.unwrap_or_else(|| guess(file, &text));
    let found = kind.check(&text, file);
    let advice = match found.is_empty() {
        true => advice(kind, &text, file, context),
        false => Vec::new(),
    };
    Ok(Checked {
        kind,
        found,
        advice,
    })
}

fn advice(kind: DocumentKind, text: &str, file: &Path, context: &Context) -> Vec<String> {
    if kind == DocumentKind::Org
        && let Ok(document) = Document::parse(text, file)
    {
        return context.advice(&document);
    }
    let doubts = context.with_known(|known| kind.warnings(text, file, known));
    doubts.iter().map(ToString::to_string).collect()
}

/// By the name, else by the key that only this kind has.
fn guess(file: &Path, text: &str) -> DocumentKind {
    let name = file.file_name().and_then(|name| name.to_str());
    let by_name = |kind: &DocumentKind| name == Some(kind.file_name());
    if let Some(kind) = DocumentKind::ALL.into_iter().find(by_name) {
        return kind;
    }
    let has = |key: &str| text.contains(key);
    match () {
        () if has("schema_version") && has("organization") => DocumentKind::Org,
        () if has("schema_version") => DocumentKind::Team,
        () if has("additional_") || has("dev_environment") || has("network_policy") => {
            DocumentKind::Project
        }
        () => DocumentKind::User,
    }
}

pub(crate) fn word(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Org => "org",
        DocumentKind::Team => "team",
        DocumentKind::Project => "project",
        DocumentKind::User => "user",
    }
}
