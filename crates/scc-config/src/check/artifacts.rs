//! Artifacts of bundles that no agent gets, or that keep an agent from starting.

use super::Findings;
use crate::document::{Document, Known, below};
use crate::{Artifact, InstallIntent, OrgConfig};

/// Looks at every artifact of a bundle that somebody can get.
pub(super) fn warn(document: &Document<OrgConfig>, known: &Known<'_>, findings: &mut Findings) {
    let org = document.value();
    let catalog = &org.governed_artifacts;
    let allowed = org.defaults.allowed_providers.as_ref();
    let may_start = |id: &&&str| allowed.is_none_or(|ids| ids.iter().any(|one| one == **id));
    let providers: Vec<&str> = known.providers.iter().filter(may_start).copied().collect();
    for (name, artifact) in &catalog.artifacts {
        let is_given =
            |intent| matches!(intent, InstallIntent::Required | InstallIntent::Available);
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
