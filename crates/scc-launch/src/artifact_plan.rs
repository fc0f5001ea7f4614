//! The artifacts of bundles in a plan: what the agent gets each as, and what stands against it.

use scc_provider::{ExtensionKind, Undelivered};
use schemars::JsonSchema;
use serde::Serialize;

use crate::extensions::{Artifact, ArtifactFacts, ExtensionError, Form};
use crate::{Blocker, BlockerKind, Decision, Delivery};

/// An artifact of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ArtifactPlan {
    /// What it is and where it comes from.
    #[serde(flatten)]
    pub facts: ArtifactFacts,
    /// Whether the agent gets it.
    pub delivered: bool,
    /// The name that it has there: of a skill, of a server, or `name@marketplace` of a plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_as: Option<String>,
    /// What of it the agent does not get, and why.
    pub left_out: Vec<String>,
}

impl ArtifactPlan {
    /// The artifact, and what stands against the launch by it; `agent` is the product's name.
    pub(crate) fn of(
        artifact: &Artifact,
        delivery: &Delivery,
        undelivered: &[Undelivered],
        agent: &str,
    ) -> (Self, Option<Blocker>) {
        let found = match &artifact.form {
            Ok(form) => found(form, artifact, delivery, undelivered),
            Err(error) => Found {
                whole: vec![error.to_string()],
                ..Found::default()
            },
        };
        let delivered = found.whole.is_empty();
        let needed = [artifact.left_out.clone(), found.hooks].concat();
        let complete = delivered && needed.is_empty();
        let plan = Self {
            facts: artifact.facts.clone(),
            delivered,
            delivered_as: found.name.filter(|_| delivered),
            left_out: [found.whole, needed, found.parts].concat(),
        };
        let blocker = plan.blocker(artifact, complete, agent);
        (plan, blocker)
    }

    /// `complete` says whether the agent gets all of it that it must not go without.
    fn blocker(&self, artifact: &Artifact, complete: bool, agent: &str) -> Option<Blocker> {
        let error = artifact.form.as_ref().err();
        let clashes = matches!(error, Some(ExtensionError::Clash(_)));
        let stops = clashes || self.facts.required && !complete;
        if !stops {
            return None;
        }
        let lack = match (clashes, self.delivered) {
            (true, _) => "cannot be told apart",
            (false, false) => "is required, and the agent does not get it",
            (false, true) => "is required, and the agent does not get all of it",
        };
        let lack = lack.replace("the agent", agent);
        let (title, origin) = (self.facts.title(), &self.facts.origin);
        let reasons = self.left_out.join("; ");
        let hint = error.map_or_else(
            || ExtensionError::Artifact(String::new()).hint(),
            ExtensionError::hint,
        );
        Some(Blocker {
            kind: match error.is_none_or(ExtensionError::is_refusal) {
                true => BlockerKind::Refused,
                false => BlockerKind::Unavailable,
            },
            message: format!("{title} ({origin}) {lack}: {reasons}"),
            hint,
        })
    }

    /// That the agent does not get it, or all of it; `None` where it does.
    #[must_use]
    pub fn lack(&self, agent: &str) -> Option<String> {
        let all = if self.delivered { "all of " } else { "" };
        let lacks = !self.delivered || !self.left_out.is_empty();
        let (title, reasons) = (self.facts.title(), self.left_out.join("; "));
        lacks.then(|| format!("{agent} does not get {all}the {title}: {reasons}"))
    }

    /// A line for it, and one for each part that is left out.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = Decision> + '_ {
        let name = &self.facts.artifact;
        let got = self.delivered_as.as_ref().map(|other| Decision {
            subject: "artifact",
            value: format!("{name} ({}){}", self.what(other), self.version()),
            reason: format!(
                "bundle {} of {}",
                self.facts.bundles.join(", "),
                self.facts.origin
            ),
        });
        let lack = if self.delivered {
            "not all of it"
        } else {
            "not delivered"
        };
        let left = self.left_out.iter().map(move |reason| Decision {
            subject: "artifact",
            value: format!("{name}: {lack}"),
            reason: reason.clone(),
        });
        got.into_iter().chain(left)
    }

    fn what(&self, name: &str) -> String {
        use scc_config::ArtifactKind::{McpServer, NativeIntegration, Skill};
        let kind = match self.facts.kind {
            Skill => "skill",
            McpServer => "MCP server",
            NativeIntegration => "plugin",
        };
        format!("{kind} {name}")
    }

    fn version(&self) -> String {
        let source = self.facts.source.as_ref();
        source.map_or_else(String::new, |source| format!(" at {}", source.short()))
    }

    /// The artifacts of the audit log.
    pub(crate) fn facts(artifacts: &[Self]) -> Vec<serde_json::Value> {
        let delivered = artifacts.iter().filter(|artifact| artifact.delivered);
        delivered
            .map(|artifact| {
                let facts = &artifact.facts;
                let source = facts.source.as_ref();
                serde_json::json!({
                    "artifact": facts.artifact,
                    "bundles": facts.bundles,
                    "commit": source.and_then(|source| source.commit.as_ref()),
                    "digest": source.map(|source| &source.digest),
                })
            })
            .collect()
    }
}

/// What an agent gets of an artifact.
#[derive(Default)]
struct Found {
    /// The name that the agent knows it by.
    name: Option<String>,
    /// Why the agent does not get it at all.
    whole: Vec<String>,
    /// Why some of its hooks do not run.
    hooks: Vec<String>,
    /// Why other parts of it are missing.
    parts: Vec<String>,
}

fn found(
    form: &Form,
    artifact: &Artifact,
    delivery: &Delivery,
    undelivered: &[Undelivered],
) -> Found {
    let reasons = |kind: ExtensionKind, name: &str| {
        let left = undelivered.iter();
        let left = left.filter(|left| left.kind == kind && left.name == name);
        left.map(|left| left.reason.clone()).collect::<Vec<_>>()
    };
    match form {
        Form::Skill(name) => Found {
            name: Some(name.clone()),
            whole: reasons(ExtensionKind::Skill, name),
            ..Found::default()
        },
        Form::Server => {
            let own = Some(artifact.facts.artifact.as_str());
            let servers = delivery.servers.iter();
            let mut servers = servers.zip(&delivery.extensions.mcp_servers);
            let found = servers.find(|(facts, _)| facts.artifact.as_deref() == own);
            let name = found.map(|(_, server)| server.name.clone());
            let whole = match &name {
                Some(name) => reasons(ExtensionKind::McpServer, name),
                None => vec!["it is no server here".to_owned()],
            };
            Found {
                name,
                whole,
                ..Found::default()
            }
        }
        Form::Plugin(name) => {
            let failed = delivery.failures.iter();
            let failed = failed.filter(|(plugin, _)| plugin == name);
            let mut whole: Vec<_> = failed.map(|(_, error)| error.to_string()).collect();
            whole.extend(reasons(ExtensionKind::Plugin, name));
            Found {
                name: Some(name.clone()),
                whole,
                hooks: reasons(ExtensionKind::PluginHooks, name),
                parts: reasons(ExtensionKind::PluginPart, name),
            }
        }
    }
}
