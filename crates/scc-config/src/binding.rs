//! What the binding of a governed artifact says in its provider's own words: a server.

use std::collections::BTreeMap;

use crate::{Binding, McpServer, McpTransport};

/// Begins the key of a variable of a server that is a program, and that of a header of any other.
const VARIABLE: &str = "env.";
const HEADER: &str = "header.";

impl Binding {
    /// The provider's id, in lower case.
    pub fn provider_id(&self) -> String {
        self.provider.trim().to_ascii_lowercase()
    }

    /// What the artifact of this name is called for the provider.
    pub fn name<'a>(&'a self, artifact: &'a str) -> &'a str {
        let own = self.native_ref.as_deref().map(str::trim);
        own.filter(|own| !own.is_empty()).unwrap_or(artifact)
    }

    /// The server that the binding of an `mcp_server` describes, under this name.
    ///
    /// `transport_type` is `http`, `sse` or `stdio`; where it is left out, a program is `stdio` and an
    /// address is `http`. `native_config` has `url` or `command`, `args` (a JSON list, or words between
    /// blanks), `env.NAME` and `header.NAME`.
    ///
    /// # Errors
    /// Why it describes none, a fragment in lower case.
    pub fn server(&self, name: &str) -> Result<McpServer, String> {
        let transport = self.transport()?;
        self.check_settings(transport)?;
        let value = |key: &str| self.native_config.get(key).cloned();
        let args = value("args").map(|text| words(&text)).transpose()?;
        let server = McpServer {
            name: name.to_owned(),
            transport,
            url: value("url"),
            command: value("command"),
            args: args.unwrap_or_default(),
            env: self.named(VARIABLE),
            headers: self.named(HEADER),
        };
        match server.missing_identifier() {
            Some(key) => Err(format!(
                "a server of type `{}` needs the setting `{key}`",
                transport.as_str()
            )),
            None => Ok(server),
        }
    }

    /// The settings whose keys begin like this, by the rest of their keys.
    fn named(&self, prefix: &str) -> BTreeMap<String, String> {
        let config = self.native_config.iter();
        let named = config.filter_map(|(key, value)| {
            let rest = key.strip_prefix(prefix)?;
            Some((rest.to_owned(), value.clone()))
        });
        named.collect()
    }

    /// Whether a server of this transport has all the settings that are given.
    fn check_settings(&self, transport: McpTransport) -> Result<(), String> {
        let (own, prefix): (&[&str], _) = match transport.is_network() {
            true => (&["url"], HEADER),
            false => (&["command", "args"], VARIABLE),
        };
        let mut keys = self.native_config.keys();
        let strange = keys.find(|key| !own.contains(&key.as_str()) && !key.starts_with(prefix));
        match strange {
            Some(key) => Err(format!(
                "a server of type `{}` has no setting `{}`",
                transport.as_str(),
                key.escape_debug()
            )),
            None => Ok(()),
        }
    }

    fn transport(&self) -> Result<McpTransport, String> {
        let has = |key: &str| self.native_config.contains_key(key);
        let word = self.transport_type.as_deref().unwrap_or_default();
        match word.trim().to_ascii_lowercase().as_str() {
            "sse" => Ok(McpTransport::Sse),
            "http" => Ok(McpTransport::Http),
            "stdio" => Ok(McpTransport::Stdio),
            "" if has("command") && has("url") => {
                Err("without a `transport_type` it is either a `command` or a `url`".to_owned())
            }
            "" if has("command") => Ok(McpTransport::Stdio),
            "" if has("url") => Ok(McpTransport::Http),
            "" => Err("it says neither `url` nor `command`".to_owned()),
            other => Err(format!(
                "`{}` is no `transport_type`; there are `http`, `sse` and `stdio`",
                other.escape_debug()
            )),
        }
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    if !text.trim_start().starts_with('[') {
        return Ok(text.split_whitespace().map(str::to_owned).collect());
    }
    serde_json::from_str(text).map_err(|_| "`args` is no JSON list of texts".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(transport: &str, config: &[(&str, &str)]) -> Result<McpServer, String> {
        let pairs = config.iter();
        let binding = Binding {
            provider: "p".to_owned(),
            native_ref: None,
            native_config: pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            transport_type: (!transport.is_empty()).then(|| transport.to_owned()),
        };
        binding.server("n")
    }

    #[test]
    fn a_program_with_its_arguments_and_variables() {
        let words = server("", &[("command", "/opt/x"), ("args", " one  two ")]).unwrap();
        assert_eq!(words.transport, McpTransport::Stdio);
        assert_eq!(words.args, ["one", "two"]);
        let list = server(
            "stdio",
            &[
                ("command", "/opt/x"),
                ("args", r#"["a b", ""]"#),
                ("env.TOKEN", "${TOKEN}"),
            ],
        );
        let list = list.unwrap();
        assert_eq!(list.args, ["a b", ""]);
        assert_eq!(list.env["TOKEN"], "${TOKEN}");
    }

    #[test]
    fn an_address_with_its_headers() {
        let url = ("url", "https://mcp.example");
        let http = server("", &[url, ("header.X-Key", "${KEY}")]).unwrap();
        assert_eq!(http.transport, McpTransport::Http);
        assert_eq!(http.headers["X-Key"], "${KEY}");
        assert_eq!(server("SSE", &[url]).unwrap().transport, McpTransport::Sse);
    }

    #[test]
    fn what_describes_no_server() {
        let (url, command) = (("url", "https://mcp.example"), ("command", "/opt/x"));
        for (transport, config, why) in [
            ("", &[] as &[_], "neither"),
            ("", &[url, command], "either"),
            ("http", &[command], "no setting `command`"),
            ("stdio", &[url], "no setting `url`"),
            ("stdio", &[], "needs the setting `command`"),
            ("http", &[("url", " ")], "needs the setting `url`"),
            ("ws", &[url], "`ws` is no `transport_type`"),
            ("", &[url, ("env.A", "b")], "no setting `env.A`"),
            ("", &[command, ("timeout", "5")], "no setting `timeout`"),
            ("", &[command, ("args", "[1]")], "no JSON list"),
        ] {
            let error = server(transport, config).unwrap_err();
            assert!(error.contains(why), "{transport} {config:?}: {error}");
        }
    }

    #[test]
    fn the_name_is_the_bindings_own_or_the_artifacts() {
        let named = |native: Option<&str>| Binding {
            provider: "p".to_owned(),
            native_ref: native.map(str::to_owned),
            native_config: BTreeMap::new(),
            transport_type: None,
        };
        assert_eq!(named(Some("own")).name("a"), "own");
        assert_eq!(named(Some(" ")).name("a"), "a");
        assert_eq!(named(None).name("a"), "a");
    }
}
