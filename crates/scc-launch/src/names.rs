//! Names, labels and locks of what scc makes on an engine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use scc_runtime::labels;
use sha2::{Digest, Sha256};

/// What tells this user's sandboxes from those of others on the same engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Sandboxes of another namespace are never seen; `default` unless the user sets one.
    pub namespace: String,
    /// The user id that scc runs as.
    pub owner: u32,
}

/// The `ROLE` label of a session's container.
pub(crate) const ROLE_SESSION: &str = "session";
/// The `ROLE` label of a sign-in's container.
pub(crate) const ROLE_LOGIN: &str = "login";
/// The `ROLE` label of the container in which the guard is tried.
pub(crate) const ROLE_TRIAL: &str = "trial";
const ROLE_PROVIDER: &str = "provider";
pub(crate) const ROLE_SEALED: &str = "sealed";
pub(crate) const ROLE_READER: &str = "reader";

impl Scope {
    /// The labels that everything of this scope has.
    pub(crate) fn owner_labels(&self) -> BTreeMap<String, String> {
        [
            (labels::MANAGED, "true".to_owned()),
            (labels::NAMESPACE, self.namespace.clone()),
            (labels::OWNER, self.owner.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    /// The labels that everything of this scope with that role has.
    pub(crate) fn labels(&self, role: &str) -> BTreeMap<String, String> {
        let mut labels = self.owner_labels();
        labels.insert(labels::ROLE.to_owned(), role.to_owned());
        labels
    }

    /// The container of a workspace and provider: one name, so that the engine itself lets only
    /// one of two racing launches have it.
    pub(crate) fn container_name(&self, workspace: &Path, provider: &str) -> String {
        let identity = format!("{}\n{}\n{provider}", self.owner, workspace.display());
        let hash = hex(&Sha256::digest(identity), 4);
        format!("{}{}-{provider}-{hash}", self.prefix(), slug(workspace))
    }

    /// The container of a sign-in.
    pub(crate) fn login_name(&self, provider: &str) -> String {
        format!("{}login-{provider}-u{}", self.prefix(), self.owner)
    }

    /// The container in which the guard is tried.
    pub(crate) fn trial_name(&self, provider: &str) -> String {
        format!("{}trial-{provider}-u{}", self.prefix(), self.owner)
    }

    /// The volume of a provider for the agent's user.
    pub(crate) fn volume_name(&self, provider: &str, agent_uid: u32) -> String {
        format!("{}{provider}-u{agent_uid}", self.prefix())
    }

    pub(crate) fn volume_labels(&self, provider: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels(ROLE_PROVIDER);
        labels.insert(labels::PROVIDER.to_owned(), provider.to_owned());
        labels
    }

    /// Whether something with these labels belongs to this scope.
    pub(crate) fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = |key: &str| labels.get(key).map(String::as_str);
        label(labels::MANAGED) == Some("true")
            && label(labels::NAMESPACE) == Some(&self.namespace)
            && label(labels::OWNER) == Some(&self.owner.to_string())
    }

    fn prefix(&self) -> String {
        if self.namespace == "default" {
            "scc-".to_owned()
        } else {
            format!("scc-{}-", self.namespace)
        }
    }
}

/// Labels as the runtime takes them.
pub(crate) fn pairs(labels: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// The first `bytes` of a digest in hexadecimal.
pub(crate) fn hex(digest: &[u8], bytes: usize) -> String {
    digest
        .iter()
        .take(bytes)
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The last part of a path as engines allow it in names.
fn slug(workspace: &Path) -> String {
    let name = workspace
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    let slug: String = name
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(24)
        .collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "workspace".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(namespace: &str) -> Scope {
        Scope {
            namespace: namespace.to_owned(),
            owner: 1000,
        }
    }

    #[test]
    fn names_differ_by_workspace_provider_owner_and_namespace() {
        let default = scope("default");
        let name = default.container_name(Path::new("/home/a/My Project!"), "one");
        assert!(name.starts_with("scc-my-project-one-"), "{name}");
        assert_ne!(
            name,
            default.container_name(Path::new("/home/b/My Project!"), "one")
        );
        assert_ne!(
            name,
            default.container_name(Path::new("/home/a/My Project!"), "two")
        );
        assert_ne!(
            name,
            scope("t1").container_name(Path::new("/home/a/My Project!"), "one")
        );
        let other = Scope {
            owner: 1001,
            ..default
        };
        assert_ne!(
            name,
            other.container_name(Path::new("/home/a/My Project!"), "one")
        );
    }

    #[test]
    fn a_slug_is_never_empty() {
        assert_eq!(slug(Path::new("/")), "workspace");
        assert_eq!(slug(Path::new("/x/äö")), "workspace");
        assert_eq!(slug(Path::new("/x/-a_b-")), "a-b");
    }
}
