//! Skills, servers and integrations that an organization hands out, and bundles of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

/// The catalog of an organization.
///
/// Two ways of writing it are in use, and both are read: an artifact with `source_type`,
/// `source_url`, … and the bindings beside it under `bindings.<artifact>`, or an artifact with a
/// `source` mapping and its `bindings` as a mapping by provider; bundles list `artifacts` or
/// `members`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GovernedArtifacts {
    /// The artifacts, by name.
    pub artifacts: BTreeMap<String, Artifact>,
    /// The bundles, by name.
    pub bundles: BTreeMap<String, Bundle>,
    /// Names under `bindings` that are no artifact.
    #[serde(skip)]
    pub(crate) dangling: Vec<String>,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// Its version.
    pub version: Option<String>,
    /// Who made it.
    pub publisher: Option<String>,
    /// It must not change.
    pub pinned: bool,
    /// Where it comes from.
    pub source: ArtifactSource,
    /// Whether it is installed.
    pub install_intent: InstallIntent,
    /// What it is called for each provider.
    pub bindings: Vec<Binding>,
}

/// Where an artifact comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactSource {
    /// The kind of place.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ArtifactSourceKind>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The folder there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The branch, tag or commit.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// Instructions for an agent.
    Skill,
    /// A tool server.
    McpServer,
    /// Something of one provider's own kind.
    NativeIntegration,
}

/// The kind of place an artifact comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactSourceKind {
    /// A git repository.
    Git,
    /// A file on the web.
    Url,
    /// A directory of this machine.
    Local,
}

/// Whether an artifact or bundle is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstallIntent {
    /// Always.
    Required,
    /// When somebody wants it.
    #[default]
    Available,
    /// Never.
    Disabled,
    /// When it was asked for and granted.
    RequestOnly,
}

/// What an artifact is called for one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The provider's id.
    pub provider: String,
    /// Its name there; of a native integration `NAME@MARKETPLACE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_ref: Option<String>,
    /// Settings; of a server `url` or `command`, `args` (words between blanks, or a JSON list),
    /// `header.NAME` and `env.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub native_config: BTreeMap<String, String>,
    /// How a server is spoken to: `http`, `sse` or `stdio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_type: Option<String>,
}

/// Several artifacts under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bundle {
    /// The names of the artifacts.
    pub artifacts: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is installed.
    pub install_intent: InstallIntent,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct WrittenCatalog {
    artifacts: BTreeMap<String, Artifact>,
    bindings: BTreeMap<String, Vec<Binding>>,
    bundles: BTreeMap<String, Bundle>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenArtifact {
    kind: ArtifactKind,
    version: Option<String>,
    publisher: Option<String>,
    #[serde(default)]
    pinned: bool,
    source_type: Option<ArtifactSourceKind>,
    source_url: Option<String>,
    source_path: Option<String>,
    source_ref: Option<String>,
    source: Option<ArtifactSource>,
    #[serde(default)]
    install_intent: InstallIntent,
    #[serde(default)]
    bindings: BTreeMap<String, WrittenBinding>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct WrittenBinding {
    native_ref: Option<String>,
    native_config: BTreeMap<String, String>,
    transport_type: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenBundle {
    artifacts: Option<Vec<String>>,
    members: Option<Vec<String>>,
    description: Option<String>,
    #[serde(default)]
    install_intent: InstallIntent,
}

impl WrittenArtifact {
    fn normalize<E: Error>(self) -> Result<Artifact, E> {
        let flat = ArtifactSource {
            kind: self.source_type,
            url: self.source_url,
            path: self.source_path,
            reference: self.source_ref,
        };
        let source = match self.source {
            Some(_) if flat != ArtifactSource::default() => {
                return Err(E::custom(
                    "an artifact has either `source` or the `source_…` keys, not both",
                ));
            }
            Some(source) => source,
            None => flat,
        };
        let bindings = self
            .bindings
            .into_iter()
            .map(|(provider, binding)| Binding {
                provider,
                native_ref: binding.native_ref,
                native_config: binding.native_config,
                transport_type: binding.transport_type,
            });
        Ok(Artifact {
            kind: self.kind,
            version: self.version,
            publisher: self.publisher,
            pinned: self.pinned,
            source,
            install_intent: self.install_intent,
            bindings: bindings.collect(),
        })
    }
}

impl WrittenBundle {
    fn normalize<E: Error>(self) -> Result<Bundle, E> {
        let artifacts = match (self.artifacts, self.members) {
            (Some(_), Some(_)) => {
                return Err(E::custom(
                    "a bundle has either `artifacts` or `members`, not both",
                ));
            }
            (Some(names), None) | (None, Some(names)) => names,
            (None, None) => return Err(E::missing_field("artifacts")),
        };
        Ok(Bundle {
            artifacts,
            description: self.description,
            install_intent: self.install_intent,
        })
    }
}

macro_rules! read_as {
    ($normal:ty, $written:ty) => {
        impl<'de> Deserialize<'de> for $normal {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$written>::deserialize(deserializer)?.normalize()
            }
        }

        impl JsonSchema for $normal {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($normal).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$written>::json_schema(generator)
            }
        }
    };
}

read_as!(Artifact, WrittenArtifact);
read_as!(Bundle, WrittenBundle);
read_as!(GovernedArtifacts, WrittenCatalog);

impl WrittenCatalog {
    fn normalize<E: Error>(self) -> Result<GovernedArtifacts, E> {
        let mut catalog = GovernedArtifacts {
            artifacts: self.artifacts,
            bundles: self.bundles,
            dangling: Vec::new(),
        };
        for (name, bindings) in self.bindings {
            match catalog.artifacts.get_mut(&name) {
                Some(artifact) => artifact.bindings.extend(bindings),
                None => catalog.dangling.push(name),
            }
        }
        Ok(catalog)
    }
}
