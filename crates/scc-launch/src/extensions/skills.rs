//! Skills that are artifacts: where they are, and whether a folder is one.

use scc_config::{ArtifactSource, ArtifactSourceKind, Head};
use scc_provider::Skill;
use scc_sources::{Source, Tree};

use super::artifacts::ArtifactFacts;
use super::market::{Markets, Place, PlaceKind, Places};
use super::{ExtensionError, catalog};

/// What makes a folder a skill.
const SKILL: &str = "SKILL.md";

/// Gets the skill of this name, which is the artifact `artifact`.
pub(super) fn find(
    markets: &Markets<'_>,
    (artifact, name): (&str, &str),
    source: &ArtifactSource,
    facts: &mut ArtifactFacts,
) -> Result<Skill, ExtensionError> {
    let place = place(&markets.places, artifact, source)?;
    let market = markets.places.market(&place)?;
    facts.source = Some(market.version.clone());
    let skill = skill(&market.tree, &place.folder, name);
    let skill = skill.map_err(ExtensionError::Artifact)?;
    facts.files = skill.files.len();
    Ok(skill)
}

/// Where the skill is that is the artifact `name`.
pub(super) fn place<'a>(
    places: &Places<'a>,
    name: &str,
    source: &ArtifactSource,
) -> Result<Place<'a>, ExtensionError> {
    let folder = source.path.as_deref().unwrap_or_default().trim();
    let folder = folder.trim_start_matches("./").trim_matches('/');
    let folder = if folder == "." { "" } else { folder };
    let (at, rest) = match source.kind {
        Some(ArtifactSourceKind::Git) => {
            let url = given("source_url", source.url.as_ref())?;
            let reference = source.reference.as_deref().map(str::trim);
            let below = (!folder.is_empty()).then_some(folder);
            (Source::git(url, reference, below)?, "")
        }
        Some(ArtifactSourceKind::Url) => {
            let url = given("source_url", source.url.as_ref())?;
            (Source::https(url)?, folder)
        }
        Some(ArtifactSourceKind::Local) => {
            let path = given("source_path", source.path.as_ref())?;
            (places.directory(path)?, "")
        }
        None => return Err(missing("source_type")),
    };
    Ok(Place {
        name: name.to_owned(),
        kind: PlaceKind::Skill,
        source: at,
        folder: rest.to_owned(),
        headers: None,
        is_directory: source.kind == Some(ArtifactSourceKind::Local),
    })
}

fn given<'v>(key: &str, value: Option<&'v String>) -> Result<&'v str, ExtensionError> {
    let value = value.map(|text| text.trim());
    let value = value.filter(|text| !text.is_empty());
    value.ok_or_else(|| missing(key))
}

fn missing(key: &str) -> ExtensionError {
    ExtensionError::Artifact(format!("nobody says where it is: `{key}` is missing"))
}

/// The folder as a skill. Agents take its name from its `SKILL.md`; where that is another one, the
/// rules would speak of something else than the agent.
fn skill(tree: &Tree, folder: &str, name: &str) -> Result<Skill, String> {
    let files = catalog::files(tree, folder)?;
    let Some(file) = files.get(SKILL) else {
        return Err(format!("its folder has no `{SKILL}`"));
    };
    let text = std::str::from_utf8(&file.content);
    let text = text.map_err(|_| format!("its `{SKILL}` is no text in UTF-8"))?;
    let head = Head::of(text);
    let head = head.map_err(|why| format!("the head of its `{SKILL}` is no YAML: {why}"))?;
    let head = head.ok_or_else(|| {
        format!("its `{SKILL}` does not begin with `name` and `description` between two `---`")
    })?;
    for key in ["name", "description"] {
        if head.text(key).is_none() {
            return Err(format!(
                "its `{SKILL}` has no text as `{key}` between its two `---`"
            ));
        }
    }
    if let Some(own) = head.text("name").filter(|own| *own != name) {
        return Err(format!(
            "its `{SKILL}` calls it `{}`, and the organization's document `{name}`; name it alike, by \
             the `native_ref` of its binding",
            own.escape_debug()
        ));
    }
    // Agents would take these for more skills, or for a plugin that the skill belongs to.
    let smuggled = files.keys().find(|path| {
        let path = path.to_lowercase();
        path.ends_with("/skill.md") || path.ends_with("-plugin/plugin.json")
    });
    if let Some(path) = smuggled {
        return Err(format!(
            "it holds `{}`, and so more than itself",
            path.escape_debug()
        ));
    }
    Ok(Skill {
        name: name.to_owned(),
        files,
    })
}
