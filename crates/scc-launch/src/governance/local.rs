//! What is on this machine: the workspace's document, the personal profile, exceptions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::{Document, McpServer, Pattern, ProjectConfig};
use scc_policy::{Decision, ItemKind, Layer, LocalException, Outcome, Reason};
use scc_state::{Exception, ExceptionScope, ExceptionStore, RepositoryTrust};

use super::repository::Repository;
use super::{GovernanceError, GovernanceInput};
use crate::suspicion;

/// The name of the workspace's document.
const PROJECT: &str = ".scc.yaml";
/// What is taken for it by mistake.
const OTHER_NAMES: [&str; 4] = [".scc.yml", ".scc.json", "scc.yaml", "scc.yml"];

/// The personal profile for a repository.
#[derive(Debug)]
pub(super) struct Personal {
    pub(super) file: PathBuf,
    pub(super) plugins: Vec<String>,
    pub(super) servers: Vec<McpServer>,
}

/// The user's and the repository's exceptions.
#[derive(Debug, Default)]
pub(super) struct LocalExceptions {
    found: Vec<Owned>,
    /// Those that do not count, and why.
    pub(super) ignored: Vec<Decision>,
}

#[derive(Debug)]
struct Owned {
    id: String,
    store: scc_policy::ExceptionStore,
    file: PathBuf,
    expires_at: Timestamp,
    plugins: Vec<Pattern>,
    mcp_servers: Vec<Pattern>,
}

impl LocalExceptions {
    pub(super) fn borrowed(&self) -> Vec<LocalException<'_>> {
        let found = self.found.iter();
        found
            .map(|owned| LocalException {
                id: &owned.id,
                store: owned.store,
                file: &owned.file,
                expires_at: owned.expires_at,
                plugins: &owned.plugins,
                mcp_servers: &owned.mcp_servers,
            })
            .collect()
    }
}

/// The workspace's document. An agent can write there: a pipe, a device or a link in its place is
/// refused, since it would block the read or show another file.
pub(super) fn project(
    workspace: Option<&Path>,
) -> Result<Option<Document<ProjectConfig>>, GovernanceError> {
    let Some(file) = workspace.map(|workspace| workspace.join(PROJECT)) else {
        return Ok(None);
    };
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(meta) if !meta.is_file() => return Err(GovernanceError::Irregular(file)),
        _ => {}
    }
    let invalid = |findings| GovernanceError::Invalid {
        whose: "the workspace's document".to_owned(),
        findings,
    };
    let document = Document::load_all(&file).map_err(invalid)?;
    if let Some(document) = &document {
        let findings = document.check();
        if !findings.is_empty() {
            return Err(invalid(findings));
        }
    }
    Ok(document)
}

pub(super) fn personal(
    input: &GovernanceInput<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<Personal>, GovernanceError> {
    let Some(workspace) = input.workspace else {
        return Ok(None);
    };
    // What no agent is started in by mistake is not remembered either: every repository below it
    // would count as made by an agent.
    if suspicion(workspace, input.user_home).is_some() {
        return Ok(None);
    }
    let repository = match Repository::find(workspace) {
        Ok(repository) => repository,
        Err(error) => {
            warnings.push(format!("no personal profile applies: {error}"));
            return Ok(None);
        }
    };
    let found = repository.in_workspace(workspace);
    let trust = input.state.see_repository(found, input.now)?;
    if let Some(doubt) = repository.doubt(&trust) {
        if has_profile(input, &repository.id, &trust)? {
            warnings.push(format!(
                "no personal profile applies: {doubt}; if it is right: scc profile apply"
            ));
        }
        warnings.extend(input.state.take_warnings());
        return Ok(None);
    }
    let repository = repository.id;
    let profile = match input.profile {
        Some(profile) => Some(profile.clone()),
        None => input.state.profile(&repository)?,
    };
    warnings.extend(input.state.take_warnings());
    let Some(profile) = profile else {
        return Ok(None);
    };
    let mut servers = Vec::new();
    for (number, value) in profile.mcp_servers.iter().enumerate() {
        match serde_json::from_value::<McpServer>(value.clone()) {
            Ok(server) => servers.push(server),
            // The reason is left out: it may quote a secret.
            Err(_) => warnings.push(format!(
                "MCP server {} of the personal profile cannot be read, and is left out",
                number + 1
            )),
        }
    }
    Ok(Some(Personal {
        file: input.state.profile_file(&repository),
        plugins: profile.plugins,
        servers,
    }))
}

/// Names files of the workspace that are meant for its document and are not read.
pub(super) fn misnamed(workspace: Option<&Path>) -> Vec<String> {
    let there = |name: &&str| {
        let file = workspace.map(|workspace| workspace.join(name));
        file.is_some_and(|file| file.symlink_metadata().is_ok())
    };
    let found = OTHER_NAMES.into_iter().filter(there);
    found
        .map(|name| format!("`{name}` is not read: the workspace's document is `{PROJECT}`"))
        .collect()
}

/// Whether the repository, or the one that it was, has a profile.
fn has_profile(
    input: &GovernanceInput<'_>,
    repository: &str,
    trust: &RepositoryTrust,
) -> Result<bool, GovernanceError> {
    if let RepositoryTrust::Changed(before) = trust
        && input.state.profile(before)?.is_some()
    {
        return Ok(true);
    }
    Ok(input.state.profile(repository)?.is_some())
}

/// The user's own exceptions, and those of the repository that were accepted here. A file that
/// cannot be read loosens nothing, so that it is only reported.
pub(super) fn exceptions(
    input: &GovernanceInput<'_>,
    warnings: &mut Vec<String>,
) -> Result<LocalExceptions, GovernanceError> {
    let mut found = LocalExceptions::default();
    let user = ExceptionStore::user(input.user_exceptions);
    let keep = scc_policy::ExceptionStore::User;
    let here = input.workspace.map(Path::to_string_lossy);
    for exception in read(&user, warnings) {
        // It was made for one workspace, and says nothing about any other.
        let elsewhere = |of: &String| here.as_deref() != Some(of.as_str());
        if exception.workspace.as_ref().is_some_and(elsewhere) {
            if exception.is_active(input.now) {
                let next = "make one here, where it is needed: scc unblock".to_owned();
                found.ignore(&exception, user.path(), Reason::OtherWorkspace, next);
            }
            continue;
        }
        found.take(exception, keep, user.path(), input.now, warnings);
    }
    let Some(workspace) = input.workspace else {
        return Ok(found);
    };
    let store = ExceptionStore::repository(workspace, &input.state.root().join("locks"));
    let shared = read(&store, warnings);
    if shared.is_empty() {
        return Ok(found);
    }
    let accepted = input.state.accepted_exceptions(workspace)?;
    for exception in shared {
        let digest = exception.digest()?;
        if accepted.contains(&digest) || exception.scope == ExceptionScope::Policy {
            let keep = scc_policy::ExceptionStore::Repository;
            found.take(exception, keep, store.path(), input.now, warnings);
        } else if exception.is_active(input.now) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            // The agent may have chosen it for whoever copies the line.
            let id = match exception.id.chars().all(is_plain) {
                true => exception.id.as_str(),
                false => "ID",
            };
            let next = format!("read it, then: scc exceptions accept {id}");
            found.ignore(&exception, store.path(), Reason::NotAccepted, next);
        }
    }
    Ok(found)
}

fn read(store: &ExceptionStore, warnings: &mut Vec<String>) -> Vec<Exception> {
    match store.read() {
        Ok(loaded) => {
            warnings.extend(loaded.warnings);
            loaded.value
        }
        Err(error) => {
            warnings.push(format!("no exception of this file holds: {error}"));
            Vec::new()
        }
    }
}

impl LocalExceptions {
    fn take(
        &mut self,
        exception: Exception,
        store: scc_policy::ExceptionStore,
        file: &Path,
        now: Timestamp,
        warnings: &mut Vec<String>,
    ) {
        if exception.scope == ExceptionScope::Policy {
            if exception.is_active(now) {
                let next = "ask for it in the organization's document".to_owned();
                self.ignore(&exception, file, Reason::WrongScope, next);
            }
            return;
        }
        let patterns = |texts: &[String]| -> Result<Vec<Pattern>, String> {
            texts.iter().map(|text| Pattern::clear(text)).collect()
        };
        let allow = &exception.allow;
        let (plugins, mcp_servers) = match (patterns(&allow.plugins), patterns(&allow.mcp_servers))
        {
            (Ok(plugins), Ok(mcp_servers)) => (plugins, mcp_servers),
            (Err(reason), _) | (_, Err(reason)) => {
                // A part of it would be another exception than the one that was made.
                if exception.is_active(now) {
                    let id = exception.id.escape_debug();
                    let file = file.display();
                    warnings.push(format!(
                        "exception `{id}` in `{file}` does not hold, since it cannot be read: {reason}"
                    ));
                }
                return;
            }
        };
        self.found.push(Owned {
            id: exception.id,
            store,
            file: file.to_owned(),
            expires_at: exception.expires_at,
            plugins,
            mcp_servers,
        });
    }

    fn ignore(&mut self, exception: &Exception, file: &Path, reason: Reason, next: String) {
        let message = match reason {
            Reason::NotAccepted => {
                "an agent can write its file, and it was not accepted on this machine"
            }
            Reason::OtherWorkspace => "it was made for another workspace",
            _ => "it claims to lift blocks, which only the organization's document may",
        };
        self.ignored.push(Decision {
            item: exception.id.clone(),
            kind: ItemKind::Exception,
            target: None,
            identity: None,
            outcome: Outcome::Ignored,
            reason,
            message: message.to_owned(),
            provider: None,
            layer: Layer::Exception,
            file: Some(file.display().to_string()),
            line: None,
            rule: None,
            next_step: Some(next),
            liftable: false,
        });
    }
}
