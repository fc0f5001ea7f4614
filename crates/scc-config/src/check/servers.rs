//! What makes an MCP server none, and what makes it doubtful.

use std::collections::BTreeSet;

use super::Findings;
use crate::document::Document;
use crate::{McpServer, names};

impl Findings {
    /// What keeps servers from being used, whoever adds them.
    pub(super) fn server_forms<T>(
        &mut self,
        document: &Document<T>,
        pointer: &str,
        servers: &[McpServer],
    ) {
        let mut seen = BTreeSet::new();
        for (number, server) in servers.iter().enumerate() {
            let at = format!("{pointer}/{number}");
            let name = names::visible(&server.name);
            if let Some(key) = server.missing_identifier() {
                let kind = server.transport.as_str();
                let message = format!("MCP server `{name}` of type `{kind}` needs the key `{key}`");
                let rule = match server.has_blank_identifier() {
                    true => "mcp_address",
                    false => "mcp_missing_identifier",
                };
                self.add(document, &at, rule, message);
            }
            if let Some(why) = names::complaint(&server.name) {
                let message = format!("the name of the MCP server `{name}` {why}");
                self.add(document, &at, "mcp_name", message);
            }
            if let Some(why) = server.address_complaint() {
                let message = format!("the address of MCP server `{name}` {why}");
                self.add(document, &format!("{at}/url"), "mcp_address", message);
            }
            if !seen.insert(server.name.to_lowercase()) {
                let message = format!("MCP server `{name}` appears twice");
                self.add(document, &at, "mcp_duplicate_name", message);
            }
        }
    }

    /// What the first versions accepted in an organization's document, and what is refused from
    /// everybody else.
    pub(super) fn server_doubts<T>(
        &mut self,
        document: &Document<T>,
        pointer: &str,
        servers: &[McpServer],
    ) {
        for (number, server) in servers.iter().enumerate() {
            let at = format!("{pointer}/{number}");
            let name = &server.name;
            if !server.has_plain_name() && names::complaint(name).is_none() {
                let message = format!(
                    "the name of the MCP server `{name}` has other characters than letters, digits, `.`, `_` and `-`"
                );
                self.add(document, &format!("{at}/name"), "mcp_name", message);
            }
            if let Some(key) = server.unused_key() {
                let kind = server.transport.as_str();
                let message =
                    format!("MCP server `{name}` of type `{kind}` does not use the key `{key}`");
                self.add(document, &format!("{at}/{key}"), "mcp_unused_key", message);
            }
        }
    }
}
