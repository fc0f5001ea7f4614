//! What containers have written, and the networks between them.

use serde_json::Value;

use super::{Engine, filters};

impl Engine {
    /// What a container without a terminal has written so far, on either stream.
    #[must_use]
    pub fn log(&self, id: &str) -> String {
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1");
        let (_, framed) = self.exchange("GET", &path, None);
        let mut text = Vec::new();
        let mut rest = framed.as_slice();
        // Eight bytes before each piece: its stream, and its length in the last four.
        while let Some((head, after)) = rest.split_at_checked(8) {
            let length = head[4..]
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let (piece, after) = after.split_at(length.min(after.len()));
            text.extend_from_slice(piece);
            rest = after;
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The proxies of a namespace.
    #[must_use]
    pub fn proxies(&self, namespace: &str) -> Vec<Value> {
        let mut all = self.containers(namespace);
        all.retain(|container| container["Labels"]["dev.scc.role"] == "egress");
        all
    }

    /// The names of scc's networks of a namespace.
    #[must_use]
    pub fn networks(&self, namespace: &str) -> Vec<String> {
        let list = self.get(&format!("/networks?filters={}", filters(namespace)));
        let networks = list.as_array().cloned().unwrap_or_default();
        let ours = networks
            .iter()
            .filter(|network| network["Labels"]["dev.scc.managed"] == "true");
        ours.filter_map(|network| Some(network["Name"].as_str()?.to_owned()))
            .collect()
    }
}
