//! What becomes of a governed artifact for one agent, as far as the document says.

use crate::{
    Artifact, ArtifactKind, ArtifactSource, ArtifactSourceKind, BareName, Binding, McpServer,
    PluginRef,
};

/// An artifact, as far as it matters for what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct ArtifactView<'a> {
    /// Its name in the document.
    pub name: &'a str,
    /// What it is.
    pub kind: ArtifactKind,
    /// It must not change.
    pub pinned: bool,
    /// Where it comes from.
    pub source: &'a ArtifactSource,
    /// What it is called for each provider.
    pub bindings: &'a [Binding],
}

/// What an artifact becomes for one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// What it is there.
    pub form: ArtifactForm,
    /// Settings of its binding that no agent is given: a fragment in lower case each.
    pub left_out: Vec<String>,
}

/// What an artifact is for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactForm {
    /// A skill of this name.
    Skill(String),
    /// A server.
    Server(McpServer),
    /// A plugin.
    Plugin(PluginRef),
}

impl Artifact {
    /// The artifact with its name.
    pub fn view<'a>(&'a self, name: &'a str) -> ArtifactView<'a> {
        ArtifactView {
            name,
            kind: self.kind,
            pinned: self.pinned,
            source: &self.source,
            bindings: &self.bindings,
        }
    }
}

impl ArtifactSource {
    /// Whether it names a commit, so that what is there cannot change.
    pub fn is_fixed(&self) -> bool {
        let reference = self.reference.as_deref().unwrap_or_default();
        self.kind == Some(ArtifactSourceKind::Git) && is_commit_id(reference.trim())
    }
}

/// Whether a reference of a git repository is a full commit id.
pub(crate) fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl ArtifactView<'_> {
    /// What it becomes for this provider.
    ///
    /// # Errors
    /// Why nothing becomes of it, a fragment in lower case.
    pub fn render(&self, provider: &str) -> Result<Rendered, String> {
        let binding = self.binding(provider)?;
        let name = binding.map_or(self.name, |binding| binding.name(self.name));
        let form = match self.kind {
            ArtifactKind::Skill => self.skill(name)?,
            ArtifactKind::McpServer => match binding {
                Some(binding) => ArtifactForm::Server(binding.server(name)?),
                None => return Err(unbound(provider)),
            },
            ArtifactKind::NativeIntegration => plugin(name)?,
        };
        let settings = binding.filter(|_| self.kind != ArtifactKind::McpServer);
        let left_out = settings.map(unknown_settings).unwrap_or_default();
        Ok(Rendered { form, left_out })
    }

    /// The one binding for a provider; `None` for a skill that has no bindings at all, which is for
    /// every agent.
    fn binding(&self, provider: &str) -> Result<Option<&Binding>, String> {
        let own = |binding: &&Binding| binding.provider.trim().eq_ignore_ascii_case(provider);
        let mut bindings = self.bindings.iter().filter(own);
        match (bindings.next(), bindings.next()) {
            (Some(binding), None) => Ok(Some(binding)),
            (Some(_), Some(_)) => Err(format!("it has several bindings for `{provider}`")),
            (None, _) if self.kind == ArtifactKind::Skill && self.bindings.is_empty() => Ok(None),
            (None, _) => Err(unbound(provider)),
        }
    }

    fn skill(&self, name: &str) -> Result<ArtifactForm, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if name.is_empty() || name.starts_with(['.', '-']) || !name.bytes().all(plain) {
            return Err(format!(
                "the skill's name `{}` has other characters than letters, digits, `.`, `_` and `-`",
                name.escape_debug()
            ));
        }
        let source = self.source;
        let missing = match source.kind {
            None => Some("source_type"),
            Some(ArtifactSourceKind::Local) => source.path.is_none().then_some("source_path"),
            Some(_) => source.url.is_none().then_some("source_url"),
        };
        if let Some(key) = missing {
            return Err(format!("nobody says where it is: `{key}` is missing"));
        }
        if self.pinned && !source.is_fixed() {
            return Err(match source.kind {
                Some(ArtifactSourceKind::Git) => {
                    "it is `pinned`, and `source_ref` is no full commit id"
                }
                _ => "it is `pinned`, which only a git repository with a full commit id can keep",
            }
            .to_owned());
        }
        Ok(ArtifactForm::Skill(name.to_owned()))
    }
}

fn unbound(provider: &str) -> String {
    format!("it has no binding for `{provider}`")
}

fn plugin(name: &str) -> Result<ArtifactForm, String> {
    let complaint = || {
        let shown = name.escape_debug();
        format!("its `native_ref` names no plugin (`NAME@MARKETPLACE`): `{shown}`")
    };
    let plugin = PluginRef::parse(name, BareName::Ambiguous(0));
    plugin.map(ArtifactForm::Plugin).map_err(|_| complaint())
}

fn unknown_settings(binding: &Binding) -> Vec<String> {
    let keys = binding.native_config.keys();
    let settings = keys.map(|key| format!("its setting `{}` is not known", key.escape_debug()));
    let transport = binding.transport_type.iter();
    let transport = transport.map(|_| "its `transport_type` means nothing here".to_owned());
    settings.chain(transport).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// What becomes of an artifact for `one`.
    fn rendered(artifact: serde_json::Value) -> Result<Rendered, String> {
        let artifact: Artifact = serde_json::from_value(artifact).unwrap();
        artifact.view("a").render("one")
    }

    fn skill(more: &[(&str, serde_json::Value)]) -> Result<Rendered, String> {
        let mut artifact = serde_json::json!({
            "kind": "skill", "source_type": "git", "source_url": "https://git.example/x.git",
        });
        for (key, value) in more {
            artifact[*key] = value.clone();
        }
        rendered(artifact)
    }

    #[test]
    fn a_skill_without_bindings_is_for_every_agent() {
        let form = |more: &[_]| skill(more).map(|rendered| rendered.form);
        let named = |name: &str| Ok(ArtifactForm::Skill(name.to_owned()));
        assert_eq!(form(&[]), named("a"));
        let bound = serde_json::json!({ "one": { "native_ref": "b" } });
        assert_eq!(form(&[("bindings", bound)]), named("b"));
        let other = serde_json::json!({ "two": {} });
        let error = form(&[("bindings", other)]).unwrap_err();
        assert_eq!(error, "it has no binding for `one`");
    }

    #[test]
    fn a_skill_that_is_pinned_names_a_commit() {
        let pinned = ("pinned", true.into());
        for reference in ["v1", "0123456"] {
            let error = skill(&[pinned.clone(), ("source_ref", reference.into())]).unwrap_err();
            assert!(error.contains("no full commit id"), "{error}");
        }
        skill(&[pinned.clone(), ("source_ref", COMMIT.into())]).unwrap();
        let error = skill(&[pinned, ("source_type", "url".into())]).unwrap_err();
        assert!(error.contains("only a git repository"), "{error}");
    }

    #[test]
    fn a_skill_says_where_it_is_and_what_it_is_called() {
        for (key, value, why) in [
            (
                "source_type",
                serde_json::Value::Null,
                "`source_type` is missing",
            ),
            ("source_type", "local".into(), "`source_path` is missing"),
            (
                "source_url",
                serde_json::Value::Null,
                "`source_url` is missing",
            ),
            (
                "bindings",
                serde_json::json!({ "one": { "native_ref": "../x" } }),
                "other characters",
            ),
        ] {
            let error = skill(&[(key, value)]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn settings_that_nobody_knows_are_left_out() {
        let binding = serde_json::json!({ "one": { "native_config": { "mode": "x" } } });
        let left_out = skill(&[("bindings", binding)]).unwrap().left_out;
        assert_eq!(left_out, ["its setting `mode` is not known"]);
    }

    #[test]
    fn a_native_integration_is_a_plugin_of_a_marketplace() {
        let native = |name: &str| {
            let bindings = serde_json::json!({ "one": { "native_ref": name } });
            rendered(serde_json::json!({ "kind": "native_integration", "bindings": bindings }))
        };
        let form = native("tool@house").unwrap().form;
        assert!(matches!(form, ArtifactForm::Plugin(plugin) if plugin.to_string() == "tool@house"));
        for name in ["tool", "@house", "tool@"] {
            let error = native(name).unwrap_err();
            assert!(error.contains("names no plugin"), "{name}: {error}");
        }
    }

    #[test]
    fn a_server_needs_a_binding_and_one_only() {
        let server = |bindings: serde_json::Value| {
            rendered(serde_json::json!({ "kind": "mcp_server", "bindings": bindings }))
        };
        let one = serde_json::json!({ "native_config": { "url": "https://mcp.example" } });
        let rendered = server(serde_json::json!({ "one": one })).unwrap();
        assert!(matches!(rendered.form, ArtifactForm::Server(server) if server.name == "a"));
        assert!(server(serde_json::json!({})).is_err());
        let twice = serde_json::json!({ "one": one, "ONE": one });
        assert!(server(twice).unwrap_err().contains("several bindings"));
    }
}
