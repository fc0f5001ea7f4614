//! Artifacts of bundles that no agent gets, or that keep an agent from starting.

use std::collections::BTreeMap;

use super::Findings;
use crate::document::{Document, Known, below};
use crate::{Artifact, ArtifactForm, Bundle, GovernedArtifacts, InstallIntent, OrgConfig};

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
            let (kind, own) = match rendered.form {
                ArtifactForm::Skill(own) => ("skill", own),
                ArtifactForm::Server(server) => ("MCP server", server.name),
                ArtifactForm::Plugin(_) => continue,
            };
            let key = (kind, own.trim().to_lowercase());
            if let Some(other) = seen.insert(key, *artifact) {
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
    let (id, reason) = lacks.first()?;
    if required {
        let message =
            format!("launches of `{id}` that need the artifact `{name}` are refused: {reason}");
        return Some(("artifact_required", message));
    }
    let nobody = lacks.len() == providers.len();
    nobody.then(|| {
        let message = format!("no agent gets the artifact `{name}`: {reason}");
        ("artifact_unrendered", message)
    })
}
