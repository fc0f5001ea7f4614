//! The user's own settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::document::{ConfigDocument, Document};
use crate::{ConfigError, MemorySize, SecretSource, values};

/// The user's settings. Every key is optional; an empty file is the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserConfig {
    /// Setup recorded that this user works without an organization's configuration.
    pub standalone: bool,
    /// Where the organization's document is, and how it is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationSource>,
    /// The team that the user works in.
    #[serde(
        deserialize_with = "values::team",
        skip_serializing_if = "Option::is_none"
    )]
    pub team: Option<String>,
    /// Which provider to start when nothing else decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderPreference>,
    /// Settings of single providers, by provider id.
    #[serde(
        deserialize_with = "values::providers",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub providers: BTreeMap<String, ProviderSection>,
    /// Settings of the images that scc builds.
    #[serde(skip_serializing_if = "is_default")]
    pub images: ImagesSection,
    /// PEM files of certificate authorities that image builds and sandboxes trust in addition.
    #[serde(
        deserialize_with = "values::paths",
        serialize_with = "lossy_paths",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ca_certificates: Vec<PathBuf>,
    /// Limits of a sandbox.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: ResourcesSection,
    /// The agent may run as root when scc runs as root in a root-owned workspace.
    pub allow_root_agent: bool,
}

/// Where the organization's document is, and how it is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSource {
    /// A file, an `https://` address, `github:OWNER/REPO[@REF][:PATH]`, or the address of a git
    /// repository.
    #[serde(deserialize_with = "values::source")]
    #[schemars(length(min = 1), regex(pattern = r"^(?!http://)"))]
    pub source: String,
    /// Where the credential for fetching it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<SecretSource>,
    /// The header that carries the credential; `Authorization` where it is left out.
    #[serde(
        default,
        deserialize_with = "values::header_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub auth_header: Option<String>,
    /// A PEM file of the certificate authority of that place.
    #[serde(
        default,
        deserialize_with = "values::file_path",
        serialize_with = "lossy_path",
        skip_serializing_if = "Option::is_none"
    )]
    pub ca: Option<PathBuf>,
}

/// The preferred provider, written as `ask` or a provider id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProviderPreference {
    /// Ask whenever several providers are viable.
    Ask,
    /// This provider.
    Id(String),
}

/// Settings of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSection {
    /// The agent's version to install instead of the adapter's own choice.
    #[serde(
        deserialize_with = "values::version",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The base URL of a gateway, `http://` or `https://` with a host.
    #[serde(
        deserialize_with = "values::base_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub base_url: Option<String>,
    /// Where the API key comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretSource>,
    /// The model to ask for, in the provider's own spelling.
    #[serde(
        deserialize_with = "values::word",
        skip_serializing_if = "Option::is_none"
    )]
    pub model: Option<String>,
}

/// Settings of the images that scc builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesSection {
    /// The image to build on, instead of scc's own choice.
    #[serde(
        deserialize_with = "values::word",
        skip_serializing_if = "Option::is_none"
    )]
    pub base: Option<String>,
}

/// Limits of a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourcesSection {
    /// Memory, at least 64 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// Processor cores, more than 0; fractions are allowed.
    #[serde(
        deserialize_with = "values::cpus",
        skip_serializing_if = "Option::is_none"
    )]
    pub cpus: Option<f64>,
    /// Processes and threads at once, at least 16.
    #[serde(
        deserialize_with = "values::pids",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 16))]
    pub pids: Option<u32>,
}

impl ConfigDocument for UserConfig {
    const MAX_BYTES: usize = 1 << 20;

    fn empty() -> Result<Self, &'static str> {
        Ok(Self::default())
    }
}

impl UserConfig {
    /// Reads a document. `file` is only named in errors.
    ///
    /// # Errors
    /// When the text is not YAML or JSON, has an unknown or doubled key, or a value is not valid.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        Ok(Document::<Self>::parse(text, file)?.into_value())
    }

    /// Reads the document in `file`; `None` when there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, and as for [`UserConfig::parse`].
    pub fn load(file: &Path) -> Result<Option<Self>, ConfigError> {
        Ok(Document::<Self>::load(file)?.map(Document::into_value))
    }

    /// The document as indented JSON with a newline at the end; keys that are not set are left
    /// out. [`UserConfig::parse`] reads it back as the same value.
    pub fn to_json(&self) -> String {
        // Nothing in these structs can fail to serialise: keys are strings and paths are lossy.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// The document in the language in which it was written before. What says the same as before is
    /// left as it was, to the letter.
    ///
    /// # Errors
    /// [`Unwritable`] where that would lose something: a YAML document with comments is to be
    /// edited by hand.
    pub fn to_text_like(&self, before: &str) -> Result<String, Unwritable> {
        let name = Path::new("settings.yaml");
        if Self::parse(before, name).is_ok_and(|before| before == *self) {
            return Ok(before.to_owned());
        }
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let json = serde_json::from_str::<serde::de::IgnoredAny>(before).is_ok();
        if json || before.trim().is_empty() {
            return Ok(self.to_json());
        }
        if before.lines().any(may_have_comment) {
            return Err(Unwritable);
        }
        let text = serde_yaml::to_string(self).map_err(|_| Unwritable)?;
        match Self::parse(&text, name) {
            Ok(read) if read == *self => Ok(text),
            _ => Err(Unwritable),
        }
    }
}

/// A document that cannot be written anew without losing what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is YAML with comments, which would be lost")]
pub struct Unwritable;

/// A `#` at the start of a word; one inside of quotes is taken for a comment as well.
fn may_have_comment(line: &str) -> bool {
    let starts = |(at, _)| at == 0 || line[..at].ends_with(char::is_whitespace);
    line.match_indices('#').any(starts)
}

impl FromStr for ProviderPreference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "ask" {
            return Ok(Self::Ask);
        }
        values::provider_id(text)?;
        Ok(Self::Id(text.to_owned()))
    }
}

impl fmt::Display for ProviderPreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask => f.write_str("ask"),
            Self::Id(id) => f.write_str(id),
        }
    }
}

impl TryFrom<String> for ProviderPreference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProviderPreference> for String {
    fn from(preference: ProviderPreference) -> Self {
        preference.to_string()
    }
}

impl JsonSchema for ProviderPreference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProviderPreference".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`ask` or a provider id",
            "pattern": "^[a-z0-9-]{1,40}$"
        })
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn lossy_paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

fn lossy_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.to_string_lossy())
        .serialize(serializer)
}
