//! The hosts that enforced egress lets through.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::HostPattern;

/// Sets of hosts that scc knows itself; an organization may not define one of these names anew.
pub const BUILT_IN_DESTINATION_SETS: [&str; 5] = ["github", "npm", "pip", "cargo", "apt"];

/// The hosts that enforced egress lets through, for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrgNetwork {
    /// Hosts that everybody may reach.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Sets of hosts by name, for use here and by teams.
    pub destination_sets: BTreeMap<String, Vec<AllowedHost>>,
    /// The sets that everybody may reach: names of `destination_sets`, or one that scc knows
    /// (`github`, `npm`, `pip`, `cargo`, `apt`).
    pub use_destination_sets: Vec<String>,
    /// A developer may ask for a host that is not allowed, and the request is recorded.
    pub allow_requests: bool,
}

/// The hosts that enforced egress lets through, for one team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamNetwork {
    /// Hosts that the team may reach.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The sets that the team may reach, by name.
    pub destination_sets: Vec<String>,
}

/// One host, written as its name or as `{host: …, internal: true}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowedHost {
    /// The name.
    pub host: HostPattern,
    /// The name may resolve to a private address.
    pub internal: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WithOptions {
    host: HostPattern,
    /// The name may resolve to a private address.
    #[serde(default)]
    internal: bool,
}

impl<'de> Deserialize<'de> for AllowedHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = AllowedHost;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a host, or a mapping with `host` and `internal`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AllowedHost, E> {
                let host = text.parse().map_err(E::custom)?;
                let internal = false;
                Ok(AllowedHost { host, internal })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AllowedHost, A::Error> {
                let map = de::value::MapAccessDeserializer::new(map);
                let WithOptions { host, internal } = WithOptions::deserialize(map)?;
                if internal && host.is_wildcard() {
                    return Err(de::Error::custom(
                        "`internal` needs one name, not a wildcard",
                    ));
                }
                Ok(AllowedHost { host, internal })
            }
        }
        deserializer.deserialize_any(NameOrMapping)
    }
}

impl JsonSchema for AllowedHost {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AllowedHost".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = generator.subschema_for::<HostPattern>();
        let mapping = generator.subschema_for::<WithOptions>();
        schemars::json_schema!({ "anyOf": [name, mapping] })
    }
}
