//! What becomes of the artifacts of bundles for one agent.

use std::collections::BTreeMap;

use scc_config::{ArtifactForm, ArtifactView, PluginRef, Rendered};

use crate::decision::{Asked, ItemKind};
use crate::effective::{EffectiveArtifact, EffectivePolicy, EffectiveServer};
use crate::servers::{flaw, plain};

impl EffectiveArtifact {
    /// What this artifact, which has this name, becomes for this provider.
    ///
    /// # Errors
    /// Why nothing becomes of it, a fragment in lower case.
    pub fn render(&self, name: &str, provider: &str) -> Result<Rendered, String> {
        if let Some(reason) = self.refused.get(&provider.to_ascii_lowercase()) {
            return Err(reason.clone());
        }
        let view = ArtifactView {
            name,
            kind: self.kind,
            pinned: self.pinned,
            source: &self.source,
            bindings: &self.bindings,
        };
        let mut rendered = view.render(provider)?;
        if let ArtifactForm::Server(server) = &mut rendered.form {
            let asked = Asked::new(ItemKind::Artifact, name, self.origin.clone());
            if let Some(decision) = flaw(&asked, server) {
                return Err(decision.message);
            }
            *server = plain(server);
        }
        Ok(rendered)
    }

    /// The server that it becomes; `None` where it is something else, or nothing becomes of it.
    pub fn server(&self, name: &str, provider: &str) -> Option<EffectiveServer> {
        match self.render(name, provider).ok()?.form {
            ArtifactForm::Server(server) => Some(EffectiveServer {
                server,
                origin: self.origin.clone(),
            }),
            ArtifactForm::Skill(_) | ArtifactForm::Plugin(_) => None,
        }
    }
}

/// The names, in lower case, of the servers that artifacts become for any agent, with the artifact.
pub(crate) fn server_names(
    artifacts: &BTreeMap<String, EffectiveArtifact>,
) -> BTreeMap<String, &str> {
    let mut names = BTreeMap::new();
    for (name, artifact) in artifacts {
        let bindings = artifact.bindings.iter();
        let servers = bindings.filter_map(|one| artifact.server(name, &one.provider_id()));
        for entry in servers {
            let server = entry.server.name.to_lowercase();
            names.entry(server).or_insert(name.as_str());
        }
    }
    names
}

/// Plugins that artifacts become, by their names in lower case, with the artifact.
pub(crate) type Bundled<'a> = BTreeMap<String, Vec<(PluginRef, &'a str)>>;

/// All of them, for whichever agent.
pub(crate) fn plugins(artifacts: &BTreeMap<String, EffectiveArtifact>) -> Bundled<'_> {
    let mut plugins = Bundled::new();
    for (name, artifact) in artifacts {
        let bindings = artifact.bindings.iter();
        let forms = bindings.filter_map(|one| artifact.render(name, &one.provider_id()).ok());
        for rendered in forms {
            if let ArtifactForm::Plugin(plugin) = rendered.form {
                let all = plugins.entry(plugin.name().to_lowercase()).or_default();
                all.push((plugin, name.as_str()));
            }
        }
    }
    plugins
}

impl EffectivePolicy {
    /// The names of the enabled bundles that have this artifact.
    pub fn bundles_with<'a>(&'a self, artifact: &'a str) -> impl Iterator<Item = &'a str> {
        let bundles = self.bundles.iter();
        let has = move |bundle: &&crate::EffectiveBundle| {
            bundle.artifacts.iter().any(|name| name == artifact)
        };
        bundles.filter(has).map(|bundle| bundle.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scc_config::{Document, OrgConfig};

    use super::*;
    use crate::{DestinationInput, Destinations, Outcome, PolicyInput, evaluate};

    /// The policy of a team with one artifact.
    fn policy(artifact: &str) -> EffectivePolicy {
        let text = format!(
            "schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n\
             security: {{allow_stdio_mcp: true, blocked_mcp_servers: [\"*.evil.example\"]}}\n\
             defaults: {{network_policy: web-egress-enforced}}\n\
             governed_artifacts: {{artifacts: {{a: {artifact}}}, bundles: {{b: {{artifacts: [a]}}}}}}\n\
             profiles: {{t: {{enabled_bundles: [b]}}}}\n"
        );
        let org = Document::<OrgConfig>::parse(&text, Path::new("org.yaml")).unwrap();
        let mut input = PolicyInput::at("2030-01-01T00:00:00Z".parse().unwrap());
        (input.org, input.team) = (Some(&org), Some("t"));
        evaluate(&input).unwrap()
    }

    fn hosts(policy: &EffectivePolicy, provider: &str) -> Vec<String> {
        let input = DestinationInput {
            provider,
            provider_endpoints: &[],
            sets: &std::collections::BTreeMap::new(),
        };
        let destinations = Destinations::compile(policy, &input);
        let hosts = destinations.hosts.iter();
        hosts
            .map(|entry| format!("{} {:?}: {}", entry.host, entry.ports, entry.cause))
            .collect()
    }

    #[test]
    fn the_host_of_a_server_is_open_to_the_agent_that_gets_it() {
        let policy = policy(
            "{kind: mcp_server, bindings: {one: {native_ref: web, native_config: \
             {url: \"https://mcp.example:8443/x\"}}}}",
        );
        assert_eq!(
            hosts(&policy, "one"),
            ["mcp.example {8443}: the MCP server `web`"]
        );
        assert!(hosts(&policy, "two").is_empty());
        assert_eq!(policy.bundles_with("a").collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_server_follows_the_rules_of_servers() {
        for (config, why) in [
            (
                "{url: \"https://mcp.example/${KEY}\"}",
                "where it would be seen",
            ),
            ("{url: \"https://${KEY}@mcp.example/\"}", "from a variable"),
            (
                "{url: \"https://mcp.example\", \"header.a b\": c}",
                "not the name of a header",
            ),
            (
                "{command: /opt/x, \"env.1\": c}",
                "not the name of an environment variable",
            ),
        ] {
            let artifact =
                format!("{{kind: mcp_server, bindings: {{one: {{native_config: {config}}}}}}}");
            let policy = policy(&artifact);
            let error = policy.artifacts["a"].render("a", "one").unwrap_err();
            assert!(error.contains(why), "{config}: {error}");
            assert!(hosts(&policy, "one").is_empty());
        }
    }

    #[test]
    fn what_stands_against_one_binding_is_said_for_its_agent() {
        let policy = policy(
            "{kind: mcp_server, bindings: {one: {native_config: {url: \"https://mcp.example\"}}, \
             Two: {native_config: {url: \"https://x.evil.example\"}}}}",
        );
        let artifact = &policy.artifacts["a"];
        assert!(artifact.server("a", "one").is_some());
        let error = artifact.render("a", "two").unwrap_err();
        assert_eq!(error, "the organization's security blocks it");
        assert_eq!(
            hosts(&policy, "one"),
            ["mcp.example {}: the MCP server `a`"]
        );
        assert!(hosts(&policy, "two").is_empty());
        let about = |provider: &str| {
            let decisions = policy.decisions.iter();
            let decisions = decisions.filter(|one| one.kind == ItemKind::Artifact);
            let decisions = decisions.filter(|one| one.concerns(provider));
            decisions
                .map(|one| (one.outcome, one.message.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(about("one").len(), 1);
        let (outcome, message) = about("two").remove(1);
        assert_eq!(outcome, Outcome::Blocked);
        assert_eq!(
            message,
            "not for `two`: the organization's security blocks it"
        );
    }
}
