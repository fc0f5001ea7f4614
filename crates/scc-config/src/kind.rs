//! The kinds of documents, for callers that are told which one at run time.

use std::path::Path;

use serde_json::Value;

use crate::document::{ConfigDocument, Document, Known};
use crate::{ConfigError, OrgConfig, ProjectConfig, TeamConfig, UserConfig};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// The organization's rules.
    Org,
    /// What a federated team decides itself.
    Team,
    /// What a project adds.
    Project,
    /// The user's own settings.
    User,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Org, Self::Team, Self::Project, Self::User];

    /// The name that such a file usually has.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Org => "org-config.json",
            Self::Team => "team-config.json",
            Self::Project => ".scc.yaml",
            Self::User => "config.json",
        }
    }

    /// The JSON Schema (draft 2020-12) of the kind.
    ///
    /// It says which keys there are, what each holds, and what single texts look like as far as a
    /// pattern can. Beyond it are the finer rules for single texts (such as what makes the name of a
    /// host), a key that stands twice, and everything between values, such as a plugin that is both
    /// enabled and blocked: [`DocumentKind::check`] knows them all.
    pub fn schema(self) -> Value {
        match self {
            Self::Org => schema::<OrgConfig>(),
            Self::Team => schema::<TeamConfig>(),
            Self::Project => schema::<ProjectConfig>(),
            Self::User => schema::<UserConfig>(),
        }
    }

    /// Everything that is wrong with a text as a document of this kind: what keeps it from being
    /// read, or else every rule that it breaks. `file` is only named in errors.
    pub fn check(self, text: &str, file: &Path) -> Vec<ConfigError> {
        match self {
            Self::Org => check::<OrgConfig>(text, file),
            Self::Team => check::<TeamConfig>(text, file),
            Self::Project => check::<ProjectConfig>(text, file),
            Self::User => check::<UserConfig>(text, file),
        }
    }

    /// What a valid text says and probably does not mean, as [`Document::warnings`]; nothing where the
    /// text cannot be read.
    pub fn warnings(self, text: &str, file: &Path, known: &Known<'_>) -> Vec<ConfigError> {
        match self {
            Self::Org => warnings::<OrgConfig>(text, file, known),
            Self::Team => warnings::<TeamConfig>(text, file, known),
            Self::Project => warnings::<ProjectConfig>(text, file, known),
            Self::User => warnings::<UserConfig>(text, file, known),
        }
    }
}

fn warnings<T: ConfigDocument>(text: &str, file: &Path, known: &Known<'_>) -> Vec<ConfigError> {
    let document = Document::<T>::parse(text, file);
    document.map_or_else(|_| Vec::new(), |document| document.warnings(known))
}

fn schema<T: ConfigDocument>() -> Value {
    schemars::schema_for!(T).to_value()
}

fn check<T: ConfigDocument>(text: &str, file: &Path) -> Vec<ConfigError> {
    match Document::<T>::parse_all(text, file) {
        Ok(document) => document.check(),
        Err(errors) => errors,
    }
}
