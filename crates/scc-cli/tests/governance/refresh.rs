//! Rules past their time: used at once, and refreshed by another process.

use std::sync::{Arc, Condvar, Mutex};

use jiff::{SignedDuration, Timestamp};
use scc_sources::{FetchOptions, LoadOptions, Loader, Source, SourceCache};
use scc_testkit::https::{HttpsServer, Reply};
use serde_json::{Value, json};

use crate::support::{Desk, org};

/// A server that keeps whoever asks waiting while it is closed.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    closed: bool,
    reply: Option<Reply>,
    waiting: usize,
}

impl Door {
    fn answer(&self) -> Reply {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.waiting += 1;
        changed.notify_all();
        let mut state = changed.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
        state.reply.clone().unwrap()
    }

    fn set(&self, closed: bool, reply: Reply) {
        let (state, changed) = &*self.0;
        *state.lock().unwrap() = State {
            closed,
            reply: Some(reply),
            waiting: 0,
        };
        changed.notify_all();
    }

    fn open(&self) {
        self.0.0.lock().unwrap().closed = false;
        self.0.1.notify_all();
    }

    /// Until somebody waits for the answer.
    fn wait_for_a_caller(&self) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        drop(
            changed
                .wait_while(state, |state| state.waiting == 0)
                .unwrap(),
        );
    }
}

struct Site {
    desk: Desk,
    server: HttpsServer,
    door: Door,
    source: Source,
}

impl Site {
    /// A user with a copy that was fetched this many hours ago.
    fn new(hours: i64) -> Self {
        let desk = Desk::new();
        let door = Door::default();
        door.set(false, Reply::ok(org().to_string()));
        let shared = door.clone();
        let server = HttpsServer::start(move |_| shared.answer()).unwrap();
        let authority = desk.context.path("ca.pem");
        std::fs::write(&authority, server.authority()).unwrap();
        let url = server.url("/org.json");
        let source = json!({ "source": url, "ca": authority });
        desk.settings(&json!({ "organization": source, "team": "platform", "provider": "script" }));
        let source = Source::https(&url).unwrap();
        let site = Self {
            desk,
            server,
            door,
            source: source.with_document("org-config.json"),
        };
        site.fetched(hours);
        site
    }

    fn fetched(&self, hours: i64) {
        let options = FetchOptions {
            extra_authorities: vec![self.server.authority().as_bytes().to_vec()],
            ..FetchOptions::default()
        };
        let cache = SourceCache::open(self.cache()).unwrap();
        let then = Timestamp::now() - SignedDuration::from_hours(hours);
        let options = (options, LoadOptions::at(then));
        let loader = Loader::new(cache, options.0);
        loader.load(&self.source, &options.1, &|_| Ok(())).unwrap();
    }

    fn cache(&self) -> std::path::PathBuf {
        self.desk.context.path("home/.cache/scc/documents")
    }

    /// Until no refresh is running.
    fn wait_for_refresh(&self) {
        drop(scc_state::files::lock(&self.cache().join("refresh.lock")).unwrap());
    }

    fn policy(&self) -> Value {
        let explained = self
            .desk
            .data(&["config", "explain", "--json"], "ConfigExplain");
        explained["network_policy"]["value"].clone()
    }
}

fn tightened() -> Reply {
    let mut document = org();
    document["defaults"]["network_policy"] = json!("locked-down-web");
    Reply::ok(document.to_string())
}

#[test]
fn a_command_does_not_wait_for_newer_rules_and_the_next_one_has_them() {
    let site = Site::new(25);
    site.door.set(true, tightened());
    // Each of them would wait for ever if it waited for the server.
    let explained = site
        .desk
        .data(&["config", "explain", "--json"], "ConfigExplain");
    assert_eq!(explained["source"]["freshness"], "due");
    assert_eq!(explained["network_policy"]["value"], "web-egress-enforced");
    site.door.wait_for_a_caller();
    for _ in 0..5 {
        let plan = site.desk.run(&["start", "--dry-run", "--json"]);
        assert_eq!(
            plan.json()["data"]["policy"]["network_policy"]["value"],
            "web-egress-enforced",
            "{plan:?}"
        );
    }
    site.door.open();
    site.wait_for_refresh();
    assert_eq!(site.policy(), "locked-down-web");
    assert_eq!(site.server.requests().len(), 2, "one refresh did for all");

    let status = site.desk.data(&["org", "status", "--json"], "OrgStatus");
    assert_eq!(status["last_attempt"]["outcome"], "updated");
    assert_eq!(status["source"]["freshness"], "cached");
    let status = site.desk.run(&["org", "status"]).ok().stdout;
    assert!(status.contains("ago: there was a new document"), "{status}");
}

#[test]
fn a_refresh_that_was_refused_is_loud() {
    let site = Site::new(25);
    site.door.set(true, Reply::status(403));
    let run = site.desk.run(&["config", "explain"]).ok();
    assert!(
        run.stdout.contains("a newer one is being fetched"),
        "{}",
        run.stdout
    );
    site.door.wait_for_a_caller();
    site.door.open();
    site.wait_for_refresh();
    let run = site.desk.run(&["config", "explain"]).ok();
    assert!(
        run.stderr.contains("does not let you read it (403)"),
        "{}",
        run.stderr
    );
    let status = site.desk.data(&["org", "status", "--json"], "OrgStatus");
    assert_eq!(status["last_attempt"]["refused"], true);
    assert_eq!(status["last_attempt"]["outcome"], "failed");
}

#[test]
fn a_copy_that_is_too_old_is_waited_for_and_update_always_waits() {
    let site = Site::new(8 * 24);
    site.door.set(false, tightened());
    assert_eq!(site.policy(), "locked-down-web");
    assert_eq!(site.server.requests().len(), 2);

    let site = Site::new(25);
    site.door.set(false, tightened());
    let updated = site.desk.data(&["org", "update", "--json"], "OrgUpdate");
    assert_eq!(updated["source"]["freshness"], "fresh");
    assert_eq!(site.server.requests().len(), 2);
    assert_eq!(site.policy(), "locked-down-web");

    let site = Site::new(25);
    site.door.set(false, Reply::status(500));
    let run = site.desk.run(&["config", "explain", "--offline"]).ok();
    assert!(
        run.stderr.contains("nothing is fetched offline"),
        "{}",
        run.stderr
    );
    assert_eq!(site.server.requests().len(), 1);
}
