//! Skills that are artifacts: where they are, and whether a folder is one.

use scc_config::{ArtifactSource, ArtifactSourceKind};
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
    let given = |key: &str, value: &Option<String>| {
        let value = value
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let missing = || format!("nobody says where it is: `{key}` is missing");
        let value = value.map(str::to_owned);
        value.ok_or_else(|| ExtensionError::Artifact(missing()))
    };
    let folder = source.path.as_deref().unwrap_or_default().trim();
    let folder = folder.trim_start_matches("./").trim_matches('/');
    let folder = if folder == "." { "" } else { folder };
    let below = (!folder.is_empty()).then_some(folder);
    let (at, rest) = match source.kind {
        Some(ArtifactSourceKind::Git) => {
            let url = given("source_url", &source.url)?;
            let reference = source.reference.as_deref().map(str::trim);
            (Source::git(&url, reference, below)?, "")
        }
        Some(ArtifactSourceKind::Url) => {
            (Source::https(&given("source_url", &source.url)?)?, folder)
        }
        Some(ArtifactSourceKind::Local) => {
            let path = given("source_path", &source.path)?;
            (places.directory(&path)?, "")
        }
        None => {
            given("source_type", &None)?;
            return Err(ExtensionError::NoSource(name.to_owned()));
        }
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

/// The folder as a skill. Agents take its name from its `SKILL.md`; where that is another one, the
/// rules would speak of something else than the agent.
fn skill(tree: &Tree, folder: &str, name: &str) -> Result<Skill, String> {
    let files = catalog::files(tree, folder)?;
    let Some(file) = files.get(SKILL) else {
        return Err(format!("its folder has no `{SKILL}`"));
    };
    let text = std::str::from_utf8(&file.content);
    let text = text.map_err(|_| format!("its `{SKILL}` is no text in UTF-8"))?;
    let head = head(text).ok_or_else(|| {
        format!("its `{SKILL}` does not begin with `name` and `description` between two `---`")
    })?;
    for key in ["name", "description"] {
        if value(head, key).is_none() {
            return Err(format!(
                "its `{SKILL}` has no `{key}` between its two `---`"
            ));
        }
    }
    if let Some(own) = value(head, "name").filter(|own| *own != name) {
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

/// What stands between two lines of dashes at the start.
fn head(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))?;
    let (head, _) = rest.split_once("\n---")?;
    Some(head)
}

/// The text of a key of a mapping in YAML, without its quotes; `None` where there is none.
fn value<'t>(head: &'t str, key: &str) -> Option<&'t str> {
    let mut lines = head.lines();
    let text = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = quoted('"').or_else(|| quoted('\'')).unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_skill_is_read() {
        let text = "---\r\nname: 'a b'\r\ndescription: >\r\n  long\r\nempty:\r\n---\r\nname: c\n";
        let head = head(text).unwrap();
        assert_eq!(value(head, "name"), Some("a b"));
        assert_eq!(value(head, "description"), Some(">"));
        assert_eq!(value(head, "empty"), None);
        assert_eq!(value(head, "nam"), None);
        assert_eq!(super::head("name: a\n---\n"), None);
        assert_eq!(super::head("---\nname: a\n"), None);
    }
}
