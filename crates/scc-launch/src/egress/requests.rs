//! What was asked of a session's proxy, by what the proxy has written.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use scc_relay::probe::CONCLUDED;
use scc_relay::relay::LOG_BEGINS;
use scc_runtime::egress::ROLE_EGRESS;
use scc_runtime::{Sandbox, SandboxRuntime, labels, read_streams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::names::pairs;
use crate::{LaunchError, Launcher};

/// The event of the audit log with the requests of a session that has ended.
pub const EGRESS_EVENT: &str = "egress.requests";
/// How many different requests an event holds at most: whoever asks for names without end must not
/// fill the audit log.
const MOST: usize = 500;
/// What the check before the start asks for, which nobody else does.
const PROBE: &str = "scc-probe.invalid";
/// What the relay calls a request that it refuses because readers could take it for different things.
const BAD_REQUEST: &str = "BAD_REQUEST";
/// The host of such a request.
const NOT_UNDERSTOOD: &str = "?";

/// A request that a proxy has let through or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EgressEntry {
    /// When it ended. A refusal ends at once, a tunnel when it is closed.
    pub time: Timestamp,
    /// The host; `?` where the request was not understood.
    pub host: String,
    /// The port; 0 where none was understood.
    pub port: u16,
    /// Whether it was let through.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Bytes from the sandbox.
    pub sent: u64,
    /// Bytes to the sandbox.
    pub received: u64,
}

/// A line as Squid and the relay in front of it write them.
#[derive(Deserialize)]
struct Line {
    time: f64,
    host: String,
    port: Value,
    result: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    sent: u64,
    #[serde(default)]
    received: u64,
    /// How long it took.
    #[serde(default)]
    ms: i64,
}

impl Line {
    fn reason(&self) -> Option<String> {
        let known = match (self.result.as_str(), self.error.rsplit(':').next()) {
            ("NAME_DIFFERS", _) => format!("the tunnel was for `{}`", self.name),
            ("NAME_MISSING", _) => "the tunnel named no host".to_owned(),
            ("NOT_TLS", _) => "the tunnel was not for TLS".to_owned(),
            (BAD_REQUEST, _) => "the request was not understood".to_owned(),
            (_, Some("ERR_SCC_NOT_LISTED")) => "not on the list".to_owned(),
            (_, Some("ERR_SCC_ADDRESS")) => "its address is not public".to_owned(),
            (_, Some("ERR_SCC_NEVER")) => "its address is never open".to_owned(),
            (_, Some("ERR_SCC_PORT")) => "the port is not open".to_owned(),
            (result, _) if result.contains("DENIED") => "refused".to_owned(),
            _ => return None,
        };
        Some(known)
    }
}

impl EgressEntry {
    /// The entry of a line, and when the request began.
    fn parse(line: &str) -> Option<(Self, Timestamp)> {
        let line: Line = serde_json::from_str(line).ok()?;
        // Squid names nobody of a connection that has ended before it asked for something.
        let is_bad = line.result == BAD_REQUEST;
        if line.host == PROBE || (line.host == "-" && !is_bad) {
            return None;
        }
        let end = (line.time * 1000.0) as i64;
        let start = Timestamp::from_millisecond(end.saturating_sub(line.ms)).ok()?;
        let port = match &line.port {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|port| u16::try_from(port).ok()),
        };
        let reason = line.reason();
        let entry = Self {
            time: Timestamp::from_millisecond(end).ok()?,
            port: port.unwrap_or_default(),
            allowed: reason.is_none(),
            reason,
            sent: line.sent,
            received: line.received,
            host: match is_bad {
                true => NOT_UNDERSTOOD.to_owned(),
                false => line.host,
            },
        };
        Some((entry, start))
    }
}

/// Reads the log of a running sandbox's proxy line by line.
///
/// What scc itself tried before the agent started is left out: it is over when scc says so, and what
/// began before is its own. The agent cannot say so earlier, since it does not run.
#[derive(Debug, Default)]
pub struct EgressReader {
    begun: bool,
    concluded: Option<Timestamp>,
}

impl EgressReader {
    /// The request of a line; `None` where it says something else.
    pub fn read(&mut self, line: &str) -> Option<EgressEntry> {
        if line == LOG_BEGINS {
            self.begun = true;
            return None;
        }
        let (entry, start) = EgressEntry::parse(line)?;
        if entry.host == CONCLUDED && self.begun && self.concluded.is_none() {
            self.concluded = Some(entry.time);
            return None;
        }
        let is_agents = match self.concluded {
            // What ended before and is written after was asked for when the clock had been set back.
            Some(concluded) => start >= concluded || entry.time < concluded,
            // A log that has lost its beginning has lost these tries too.
            None => !self.begun,
        };
        is_agents.then_some(entry)
    }
}

/// What was asked of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressLog {
    /// The requests, in the order in which they ended.
    pub entries: Vec<EgressEntry>,
    /// Whether they are all: a log of 50 MB loses its first 10.
    pub is_whole: bool,
}

impl EgressLog {
    /// Reads a proxy's log.
    pub fn read(log: &str) -> Self {
        let is_whole = log.lines().any(|line| line == LOG_BEGINS);
        // Nobody concludes a proof, whose tries are what there is to record.
        let mut reader = EgressReader::default();
        let entries = match log.contains(CONCLUDED) {
            true => log.lines().filter_map(|line| reader.read(line)).collect(),
            false => {
                let all = log.lines().filter_map(EgressEntry::parse);
                all.map(|(entry, _)| entry).collect()
            }
        };
        Self { entries, is_whole }
    }
}

/// All requests of a session that are alike, as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EgressSum {
    /// The host; `?` where the request was not understood.
    pub host: String,
    /// The port; 0 where none was understood.
    pub port: u16,
    /// Whether they were let through.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many they are.
    pub count: u64,
    /// Bytes from the sandbox.
    pub sent: u64,
    /// Bytes to the sandbox.
    pub received: u64,
    /// When the first one ended.
    pub first: Timestamp,
    /// When the last one ended.
    pub last: Timestamp,
}

impl EgressSum {
    fn of(entry: &EgressEntry) -> Self {
        Self {
            host: entry.host.clone(),
            port: entry.port,
            allowed: entry.allowed,
            reason: entry.reason.clone(),
            count: 0,
            sent: 0,
            received: 0,
            first: entry.time,
            last: entry.time,
        }
    }
}

/// What the audit log keeps of these requests: most of all what was let through, and of that what
/// carried most.
pub fn egress_facts(log: &EgressLog) -> Map<String, Value> {
    let mut sums: BTreeMap<_, EgressSum> = BTreeMap::new();
    for entry in &log.entries {
        let key = (&entry.host, entry.port, &entry.reason);
        let sum = sums.entry(key).or_insert_with(|| EgressSum::of(entry));
        sum.count += 1;
        sum.sent = sum.sent.saturating_add(entry.sent);
        sum.received = sum.received.saturating_add(entry.received);
        sum.last = sum.last.max(entry.time);
    }
    let more = sums.len().saturating_sub(MOST);
    let mut kept: Vec<_> = sums.into_values().collect();
    // Whoever asks for names without end must not hide what was let through.
    kept.sort_by_key(|sum| {
        let bytes = sum.sent.saturating_add(sum.received);
        Reverse((sum.allowed, bytes, sum.count))
    });
    kept.truncate(MOST);
    let mut facts = Map::new();
    facts.insert("requests".to_owned(), json!(kept));
    if more > 0 {
        facts.insert("left_out".to_owned(), json!(more));
    }
    if !log.is_whole {
        facts.insert("incomplete".to_owned(), json!(true));
    }
    facts
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// The proxy of a running sandbox, by the sandbox's container; `None` where its egress is not
    /// enforced.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn proxy_of(&self, container: &str) -> Result<Option<Sandbox>, LaunchError> {
        let mut wanted = self.scope.labels(ROLE_EGRESS);
        wanted.insert(labels::MADE_FOR.to_owned(), container.to_owned());
        let found = self.runtime.list(&pairs(&wanted)).await?;
        Ok(found.into_iter().next())
    }

    /// What was asked of a proxy so far.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn egress_of(&self, proxy: &Sandbox) -> Result<EgressLog, LaunchError> {
        let log = self.runtime.logs(&proxy.id, false).await?;
        let (said, _) = read_streams(log).await?;
        Ok(EgressLog::read(&said))
    }

    /// Puts into the audit log what was asked of a proxy that is about to be removed.
    pub(super) async fn keep_requests(&self, proxy: &Sandbox) -> Result<(), LaunchError> {
        let facts = match self.egress_of(proxy).await {
            Ok(log) if log.entries.is_empty() => return Ok(()),
            Ok(log) => egress_facts(&log),
            // What cannot be read any more must not keep a proxy running.
            Err(error) => Map::from_iter([("unread".to_owned(), json!(error.to_string()))]),
        };
        let session = proxy.labels.get(labels::SESSION).map(String::as_str);
        self.audit(EGRESS_EVENT, session.unwrap_or_default(), facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        "{\"time\":1795648062.431,\"method\":\"CONNECT\",\"host\":\"a.example\",\"port\":\"443\",\
         \"status\":200,\"result\":\"TCP_TUNNEL\",\"error\":\"-\",\"sent\":10,\"received\":20}\n",
        "{\"time\":1795648063.000,\"method\":\"CONNECT\",\"host\":\"a.example\",\"port\":\"443\",\
         \"status\":200,\"result\":\"TCP_TUNNEL\",\"error\":\"-\",\"sent\":1,\"received\":2}\n",
        "2026/11/25 squid says something\n",
        "{\"time\":1795648064.000,\"method\":\"GET\",\"host\":\"b.example\",\"port\":\"80\",\
         \"status\":403,\"result\":\"TCP_DENIED\",\"error\":\"403:ERR_SCC_NOT_LISTED\"}\n",
        "{\"time\":1795648065.000,\"method\":\"CONNECT\",\"host\":\"a.example\",\"port\":443,\
         \"status\":403,\"result\":\"NAME_DIFFERS\",\"name\":\"c.example\"}\n",
        "{\"time\":1795648065.000,\"method\":\"CONNECT\",\"host\":\"scc-probe.invalid\",\
         \"port\":443,\"status\":403,\"result\":\"TCP_DENIED\",\"error\":\"-\"}\n",
        "{\"time\":1795648066.000,\"method\":\"-\",\"host\":\"-\",\"port\":0,\
         \"status\":400,\"result\":\"BAD_REQUEST\",\"name\":\"\"}\n",
        "{\"time\":1795648066.000,\"method\":\"-\",\"host\":\"-\",\"port\":\"-\",\
         \"status\":0,\"result\":\"NONE_NONE\",\"error\":\"-\"}\n",
    );

    #[test]
    fn lines_of_both_writers_are_read_and_others_are_not() {
        let EgressLog { entries, is_whole } = EgressLog::read(LOG);
        assert!(!is_whole);
        assert!(EgressLog::read(&format!("squid says\n{LOG_BEGINS}\n{LOG}")).is_whole);
        let reasons: Vec<_> = entries
            .iter()
            .map(|entry| entry.reason.as_deref())
            .collect();
        let other = Some("the tunnel was for `c.example`");
        let bad = Some("the request was not understood");
        assert_eq!(reasons, [None, None, Some("not on the list"), other, bad]);
        assert_eq!((entries[4].host.as_str(), entries[4].port), ("?", 0));
        assert_eq!((entries[0].port, entries[3].port), (443, 443));
        assert_eq!(entries[0].time.to_string(), "2026-11-25T23:07:42.431Z");
    }

    #[test]
    fn what_was_tried_before_the_agent_started_is_left_out() {
        let line = |time: f64, ms: i64, host: &str| {
            format!(
                "{{\"time\":{time},\"host\":\"{host}\",\"port\":443,\"result\":\"TCP_TUNNEL\",\"ms\":{ms}}}\n"
            )
        };
        let log = [
            format!("{LOG_BEGINS}\n"),
            line(10.0, 5, "tried.example"),
            line(11.0, 1, CONCLUDED),
            // It began before the end of the tries, and was closed after it.
            line(11.2, 1100, "tried.example"),
            line(12.0, 3, "agent.example"),
            // The agent says that everything before was scc's.
            line(12.5, 1, CONCLUDED),
            line(13.0, 3, "late.example"),
            // The clock was set back.
            line(5.0, 3, "back.example"),
        ];
        let hosts = |log: &str| {
            let entries = EgressLog::read(log).entries.into_iter();
            entries.map(|entry| entry.host).collect::<Vec<_>>()
        };
        assert_eq!(
            hosts(&log.concat()),
            ["agent.example", CONCLUDED, "late.example", "back.example"]
        );
        // Without its beginning what was kept is the agent's.
        let rest = ["agent.example", CONCLUDED, "late.example"].map(|host| line(12.0, 3, host));
        assert_eq!(
            hosts(&rest.concat()),
            ["agent.example", CONCLUDED, "late.example"]
        );
    }

    #[test]
    fn what_is_alike_is_counted_and_their_number_is_bounded() {
        let log = EgressLog::read(LOG);
        let facts = egress_facts(&log);
        assert_eq!(facts["incomplete"], true);
        let requests = facts["requests"].as_array().unwrap();
        assert_eq!(requests.len(), 4);
        assert_eq!(
            (&requests[0]["count"], &requests[0]["sent"]),
            (&json!(2), &json!(11))
        );
        assert!(!facts.contains_key("left_out"));
        let one = &log.entries[0];
        let mut entries: Vec<_> = (0..MOST + 7)
            .map(|number| EgressEntry {
                host: format!("{number}.example"),
                allowed: false,
                reason: Some("not on the list".to_owned()),
                ..one.clone()
            })
            .collect();
        entries.push(EgressEntry {
            host: "z.example".to_owned(),
            ..one.clone()
        });
        let is_whole = true;
        let facts = egress_facts(&EgressLog { entries, is_whole });
        assert_eq!(facts["left_out"], 8);
        // However many are refused, they do not hide what was let through.
        assert_eq!(facts["requests"][0]["host"], "z.example");
        assert!(!facts.contains_key("incomplete"));
    }
}
