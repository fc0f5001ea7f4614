//! Which sessions there were: one entry for each conversation, the latest first.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;

use crate::SessionRecord;

/// A session as a person sees it: the latest launch, and how many there were before it that it
/// goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session<'a> {
    /// The latest launch.
    pub latest: &'a SessionRecord,
    /// The launches before it, the latest first.
    pub earlier: Vec<&'a SessionRecord>,
}

impl Session<'_> {
    /// How often it was launched.
    #[must_use]
    pub fn launches(&self) -> usize {
        self.earlier.len() + 1
    }

    /// When the first launch was recorded.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.earlier.last().unwrap_or(&self.latest).started_at
    }

    /// The identifiers of its launches, the latest first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let earlier = self.earlier.iter().map(|record| record.id.as_str());
        std::iter::once(self.latest.id.as_str()).chain(earlier)
    }
}

/// The sessions that a person may mean by a word: the latest of this name; else the one with a launch
/// of this identifier; else all with a launch whose identifier begins or ends with these six
/// characters or more.
#[must_use]
pub fn called<'a>(sessions: &[Session<'a>], wanted: &str) -> Vec<&'a SessionRecord> {
    let is_named = |session: &&Session<'_>| session.latest.name.as_deref() == Some(wanted);
    let has_id = |session: &&Session<'_>| session.ids().any(|id| id == wanted);
    let mut sessions_of = sessions.iter();
    let exact = sessions_of
        .find(is_named)
        .or_else(|| sessions.iter().find(has_id));
    if let Some(session) = exact {
        return vec![session.latest];
    }
    let has_part = |session: &&Session<'_>| {
        let is_part = |id: &str| id.starts_with(wanted) || id.ends_with(wanted);
        wanted.len() >= 6 && session.ids().any(is_part)
    };
    let found = sessions.iter().filter(has_part);
    found.map(|session| session.latest).collect()
}

/// Which sessions are meant; what is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionFilter<'a> {
    /// Those of this workspace.
    pub workspace: Option<&'a Path>,
    /// Those of this provider.
    pub provider: Option<&'a str>,
    /// Those of this team.
    pub team: Option<&'a str>,
    /// Those that began on this branch.
    pub branch: Option<&'a str>,
    /// Those with this name.
    pub name: Option<&'a str>,
}

impl SessionFilter<'_> {
    fn matches(&self, record: &SessionRecord) -> bool {
        let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
        self.workspace.is_none_or(|path| record.workspace == path)
            && is(self.provider, Some(&record.provider))
            && is(self.team, record.team.as_deref())
            && is(self.branch, record.branch.as_deref())
            && is(self.name, record.name.as_deref())
    }
}

/// The sessions that match, the latest first. A launch that goes on from another stands for both.
#[must_use]
pub fn history<'a>(records: &'a [SessionRecord], filter: &SessionFilter<'_>) -> Vec<Session<'a>> {
    let by_id: HashMap<_, _> = records.iter().map(|r| (r.id.as_str(), r)).collect();
    let continued: HashSet<_> = records
        .iter()
        .filter_map(|r| r.continues.as_deref())
        .collect();
    let mut sessions: Vec<_> = records
        .iter()
        .filter(|record| filter.matches(record) && !continued.contains(record.id.as_str()))
        .map(|latest| Session {
            latest,
            earlier: launches(latest, &by_id).split_off(1),
        })
        .collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.latest.started_at));
    sessions
}

/// Which ended sessions are to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Those that ended before this moment; `None` means all.
    pub ended_before: Option<Timestamp>,
    /// So many of each team stay in any case, the latest ones.
    pub keep: usize,
}

/// The identifiers of the launches that are to be forgotten: those of whole sessions that match,
/// whose latest launch has ended, and which `retention` does not keep.
#[must_use]
pub fn prunable(
    records: &[SessionRecord],
    filter: &SessionFilter<'_>,
    retention: Retention,
) -> HashSet<String> {
    let mut of_team: HashMap<Option<&str>, usize> = HashMap::new();
    let mut gone = HashSet::new();
    for session in history(records, filter) {
        let kept = of_team.entry(session.latest.team.as_deref()).or_default();
        let Some(ended_at) = session.latest.ended_at else {
            continue;
        };
        let is_old = retention.ended_before.is_none_or(|limit| ended_at < limit);
        if *kept < retention.keep || !is_old {
            *kept += 1;
            continue;
        }
        gone.extend(session.ids().map(str::to_owned));
    }
    gone
}

/// The launches of a session, the latest first.
fn launches<'a>(
    latest: &'a SessionRecord,
    by_id: &HashMap<&str, &'a SessionRecord>,
) -> Vec<&'a SessionRecord> {
    let mut chain = vec![latest];
    let mut next = latest.continues.as_deref();
    while let Some(record) = next.and_then(|id| by_id.get(id)) {
        // A damaged file may have a ring in it.
        if chain.iter().any(|seen| seen.id == record.id) {
            break;
        }
        chain.push(record);
        next = record.continues.as_deref();
    }
    chain
}

impl SessionRecord {
    /// The last characters of the identifier, by which an unnamed session is shown.
    #[must_use]
    pub fn short_id(&self) -> &str {
        let start = self.id.len().saturating_sub(8);
        self.id.get(start..).unwrap_or(&self.id)
    }

    /// Its name, else its short identifier.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.short_id())
    }

    /// Whether a person means this session: by its name, its identifier, or at least the last or
    /// first six characters of it.
    #[must_use]
    pub fn is_called(&self, wanted: &str) -> bool {
        let is_part = self.id.starts_with(wanted) || self.id.ends_with(wanted);
        self.name.as_deref() == Some(wanted) || self.id == wanted || wanted.len() >= 6 && is_part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionState;

    fn record(id: &str, minute: i64, continues: Option<&str>) -> SessionRecord {
        SessionRecord {
            id: id.to_owned(),
            name: Some(format!("name of {id}")),
            workspace: "/w".into(),
            branch: Some("main".to_owned()),
            provider: "script".to_owned(),
            team: None,
            container: "c".to_owned(),
            endpoint: "e".to_owned(),
            state: SessionState::Ended,
            started_at: Timestamp::from_second(minute * 60).unwrap(),
            ended_at: None,
            exit_status: None,
            owner_pid: None,
            conversation: None,
            volume: None,
            continues: continues.map(str::to_owned),
        }
    }

    fn ids(records: &[SessionRecord], filter: &SessionFilter<'_>) -> Vec<String> {
        let sessions = history(records, filter);
        sessions.iter().map(|s| s.latest.id.clone()).collect()
    }

    #[test]
    fn a_session_that_went_on_is_one() {
        let records = [
            record("a", 1, None),
            record("b", 2, None),
            record("c", 3, Some("a")),
            record("d", 4, Some("c")),
        ];
        let sessions = history(&records, &SessionFilter::default());
        assert_eq!(ids(&records, &SessionFilter::default()), ["d", "b"]);
        assert_eq!(sessions[0].launches(), 3);
        assert_eq!(sessions[0].began_at(), records[0].started_at);
    }

    #[test]
    fn which_one_is_meant() {
        let records = [
            record("0199aaaa-1", 1, None),
            record("0199aaaa-2", 2, None),
            record("0199aaaa-3", 3, Some("0199aaaa-1")),
        ];
        let sessions = history(&records, &SessionFilter::default());
        let meant = |wanted: &str| {
            let found = called(&sessions, wanted);
            found.iter().map(|r| r.id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(meant("name of 0199aaaa-2"), ["0199aaaa-2"]);
        assert_eq!(meant("0199aaaa-1"), ["0199aaaa-3"], "what it went on as");
        assert_eq!(meant("0199aa"), ["0199aaaa-3", "0199aaaa-2"]);
        assert_eq!(meant("9aaaa-2"), ["0199aaaa-2"]);
        assert_eq!(meant("9aaaa-1"), ["0199aaaa-3"]);
        assert!(meant("0199").is_empty());
    }

    #[test]
    fn a_ring_ends() {
        let records = [record("a", 1, Some("b")), record("b", 2, Some("a"))];
        assert!(history(&records, &SessionFilter::default()).is_empty());
        let records = [record("a", 1, Some("a")), record("b", 2, Some("gone"))];
        assert_eq!(ids(&records, &SessionFilter::default()), ["b"]);
    }

    #[test]
    fn filters() {
        let mut other = record("b", 2, None);
        other.workspace = "/other".into();
        other.team = Some("core".to_owned());
        other.branch = None;
        let records = [record("a", 1, None), other];
        let all = SessionFilter::default();
        for (filter, wanted) in [
            (
                SessionFilter {
                    workspace: Some(Path::new("/w")),
                    ..all
                },
                "a",
            ),
            (
                SessionFilter {
                    team: Some("core"),
                    ..all
                },
                "b",
            ),
            (
                SessionFilter {
                    branch: Some("main"),
                    ..all
                },
                "a",
            ),
            (
                SessionFilter {
                    name: Some("name of b"),
                    ..all
                },
                "b",
            ),
        ] {
            assert_eq!(ids(&records, &filter), [wanted]);
        }
        let other = SessionFilter {
            provider: Some("x"),
            ..all
        };
        assert!(ids(&records, &other).is_empty());
    }

    #[test]
    fn pruning_keeps_what_runs_and_the_latest_of_each_team() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut records: Vec<_> = (0..6).map(|n| record(&n.to_string(), n, None)).collect();
        for (record, team) in records.iter_mut().zip(["a", "a", "b", "b", "b", "b"]) {
            record.ended_at = Some(record.started_at);
            record.team = Some(team.to_owned());
        }
        records[5].ended_at = None;
        records[3].continues = Some("2".to_owned());
        let pruned = |ended_before: Option<i64>, keep| {
            let ended_before = ended_before.map(at);
            let retention = Retention { ended_before, keep };
            let gone = prunable(&records, &SessionFilter::default(), retention);
            let mut gone: Vec<_> = gone.into_iter().collect();
            gone.sort();
            gone.concat()
        };
        assert_eq!(pruned(None, 0), "01234");
        assert_eq!(pruned(None, 1), "023");
        assert_eq!(pruned(Some(4), 0), "0123");
        assert_eq!(pruned(Some(1), 0), "0");
        assert_eq!(pruned(Some(9), 9), "");
    }

    #[test]
    fn what_a_session_is_called() {
        let mut found = record("01999999-aaaa-7bbb-8ccc-0123456789ab", 1, None);
        assert_eq!(found.short_id(), "456789ab");
        for wanted in ["name of", "9ab", "x"] {
            assert!(!found.is_called(wanted), "{wanted}");
        }
        for wanted in ["456789ab", "01999999"] {
            assert!(found.is_called(wanted), "{wanted}");
        }
        found.name = None;
        assert_eq!(found.label(), "456789ab");
    }
}
