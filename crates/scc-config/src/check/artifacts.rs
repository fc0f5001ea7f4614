//! Artifacts of bundles that no agent gets, or that keep an agent from starting.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::document::{Document, Known, below};
use crate::{Artifact, ArtifactForm, Bundle, GovernedArtifacts, InstallIntent, OrgConfig, Profile};

/// Looks at every artifact of a bundle that somebody can get.
pub(super) fn warn(document: &Document<OrgConfig>, known: &Known<'_>, findings: &mut Findings) {
    let org = document.value();
    let catalog = &org.governed_artifacts;
    let allowed = org.defaults.allowed_providers.as_ref();
    let may_start = |id: &&&str| allowed.is_none_or(|ids| ids.iter().any(|one| one == **id));
    let providers: Vec<&str> = known.providers.iter().filter(may_start).copied().collect();
    for (name, bundle) in &catalog.bundles {
        if let Some(message) = clash(name, bundle, catalog, &providers) {
            let at = below("/governed_artifacts/bundles", name);
            findings.add(document, &at, "artifact_clash", message);
        }
    }
    for (name, profile) in &org.profiles {
        let servers = profile.additional_mcp_servers.iter();
        let servers = servers.map(|server| server.name.trim().to_lowercase());
        let servers: BTreeSet<_> = servers.collect();
        let taken = servers_of(profile, catalog, &providers);
        let clashes = taken.iter().filter(|(server, _)| servers.contains(*server));
        for (server, artifact) in clashes {
            let at = below("/profiles", name);
            let message = format!(
                "launches of the team `{name}` are refused: its server `{server}` has the name of the \
                 artifact `{artifact}`"
            );
            findings.add(document, &at, "artifact_clash", message);
        }
    }
    for (name, artifact) in &catalog.artifacts {
        let mut bundles = catalog.bundles.values();
        let handed_out = bundles
            .any(|bundle| is_given(bundle.install_intent) && bundle.artifacts.contains(name));
        if !handed_out || !is_given(artifact.install_intent) {
            continue;
        }
        if let Some((rule, message)) = doubt(name, artifact, &providers) {
            let at = below("/governed_artifacts/artifacts", name);
            findings.add(document, &at, rule, message);
        }
    }
}

fn is_given(intent: InstallIntent) -> bool {
    matches!(intent, InstallIntent::Required | InstallIntent::Available)
}

/// The names, in lower case, of the servers that a team gets with its bundles, and their artifacts.
fn servers_of<'a>(
    profile: &Profile,
    catalog: &'a GovernedArtifacts,
    providers: &[&str],
) -> BTreeMap<String, &'a str> {
    let bundles = catalog.bundles.iter().filter(|(name, bundle)| {
        let enabled = profile.enabled_bundles.contains(name);
        bundle.install_intent == InstallIntent::Required
            || enabled && is_given(bundle.install_intent)
    });
    let mut servers = BTreeMap::new();
    for name in bundles.flat_map(|(_, bundle)| &bundle.artifacts) {
        let Some((name, found)) = catalog.artifacts.get_key_value(name) else {
            continue;
        };
        for id in providers.iter().filter(|_| is_given(found.install_intent)) {
            if let Ok(rendered) = found.view(name).render(id)
                && let ArtifactForm::Server(server) = rendered.form
            {
                servers.insert(server.name.trim().to_lowercase(), name.as_str());
            }
        }
    }
    servers
}

/// Two artifacts of a bundle that an agent cannot tell apart.
fn clash(
    name: &str,
    bundle: &Bundle,
    catalog: &GovernedArtifacts,
    providers: &[&str],
) -> Option<String> {
    let given = bundle.artifacts.iter().filter_map(|artifact| {
        let found = catalog.artifacts.get(artifact)?;
        is_given(found.install_intent).then_some((artifact, found))
    });
    let given: BTreeMap<_, _> = given.filter(|_| is_given(bundle.install_intent)).collect();
    for id in providers {
        let mut seen = BTreeMap::new();
        for (artifact, found) in &given {
            let Ok(rendered) = found.view(artifact).render(id) else {
                continue;
            };
            // The same plugin may be named twice.
            let (kind, own, thing) = match rendered.form {
                ArtifactForm::Skill(own) => ("skill", own, (*artifact).clone()),
                ArtifactForm::Server(server) => ("MCP server", server.name, (*artifact).clone()),
                ArtifactForm::Plugin(plugin) => {
                    let thing = plugin.to_string().to_lowercase();
                    ("plugin", plugin.name().to_owned(), thing)
                }
            };
            let key = (kind, own.trim().to_lowercase());
            let earlier = seen.insert(key, (*artifact, thing.clone()));
            if let Some((other, _)) = earlier.filter(|(_, other)| *other != thing) {
                return Some(format!(
                    "launches of `{id}` with the bundle `{name}` are refused: `{other}` and \
                     `{artifact}` are both the {kind} `{own}`"
                ));
            }
        }
    }
    None
}

fn doubt(name: &str, artifact: &Artifact, providers: &[&str]) -> Option<(&'static str, String)> {
    let required = artifact.install_intent == InstallIntent::Required;
    let lacks = providers.iter().filter_map(|id| {
        let reason = match artifact.view(name).render(id) {
            Err(reason) => reason,
            Ok(rendered) if required && !rendered.left_out.is_empty() => {
                rendered.left_out.join("; ")
            }
            Ok(_) => return None,
        };
        Some((*id, reason))
    });
    let lacks: Vec<_> = lacks.collect();
    let (_, reason) = lacks.first()?;
    if required {
        let refused: Vec<_> = lacks.iter().map(|(id, _)| format!("`{id}`")).collect();
        let refused = refused.join(" and ");
        let message =
            format!("launches of {refused} that need the artifact `{name}` are refused: {reason}");
        return Some(("artifact_required", message));
    }
    let nobody = lacks.len() == providers.len();
    nobody.then(|| {
        let message = format!("no agent gets the artifact `{name}`: {reason}");
        ("artifact_unrendered", message)
    })
}
