//! No pattern and no server make matching panic; what lets a server in also finds it when it forbids,
//! and a server's identity fits that server alone. The first line is an address, the second a program,
//! the third a name, the rest are patterns.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use scc_config::{McpPatterns, McpServer, McpTransport, Pattern};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let (url, command, name) = (lines.next(), lines.next(), lines.next().unwrap_or("n"));
    let patterns: Vec<Pattern> = lines
        .take(20)
        .filter_map(|line| Pattern::try_from(line.to_owned()).ok())
        .collect();
    let set = McpPatterns::new(patterns.iter().map(Pattern::as_str));
    for transport in [McpTransport::Http, McpTransport::Stdio] {
        let mut server = McpServer {
            name: name.to_owned(),
            transport,
            url: url.map(str::to_owned),
            command: command.map(str::to_owned),
            args: Vec::new(),
            env: BTreeMap::new(),
            headers: BTreeMap::new(),
        };
        let candidates = server.candidates();
        let identity = |pattern: &Pattern| pattern.as_str().contains('#');
        if candidates.find(&set).is_some() && !patterns.iter().any(identity) {
            assert!(candidates.find_any(&set).is_some());
        }
        let own: String = server
            .identity()
            .chars()
            .map(|c| match c {
                '*' | '?' | '[' => format!("[{c}]"),
                c => c.to_string(),
            })
            .collect();
        if name.contains('=') {
            continue;
        }
        let own = McpPatterns::new([own.as_str()]);
        assert!(candidates.find(&own).is_some());
        server.args.push("more".to_owned());
        assert!(server.candidates().find(&own).is_none());
    }
});
