//! Exceptions, profiles, team pins and private files: form, damage, hostile folders.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};
use scc_state::{
    Allowance, Exception, ExceptionScope, ExceptionStore, PersonalProfile, ProfileError, StateDir,
    StateError, update_private_file, write_private_file,
};
use serde_json::{Map, Value, json};

fn now() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn exception(id: &str) -> Exception {
    Exception {
        id: id.to_owned(),
        created_at: now(),
        expires_at: now() + 8.hours(),
        reason: "a trial".to_owned(),
        scope: ExceptionScope::Local,
        allow: Allowance {
            plugins: vec!["lint@tools".to_owned()],
            ..Allowance::default()
        },
        created_by: Some("ada".to_owned()),
        created_on: None,
        source: None,
        ticket: None,
        extra: Map::new(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_existing_file_is_read_and_what_is_unknown_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = ExceptionStore::user(folder.path());
    let text = json!({
        "schema_version": 1,
        "tool_version": "2.0.0",
        "min_scc_version": "1.4.0",
        "exceptions": [
            {
                "id": "local-20261124-09af", "created_at": "2026-11-24T01:00:00Z",
                "expires_at": "2026-11-24T09:00:00Z", "reason": "r", "scope": "local",
                "allow": {"plugins": ["a@b"], "mcp_servers": ["jira"], "base_images": ["x"]},
                "created_by": "ada", "created_on": "host", "source": "cli", "ticket": "T-1",
            },
            {"id": "broken", "scope": "universal", "note": "kept"},
        ],
    });
    fs::write(store.path(), text.to_string()).unwrap();
    let loaded = store.read().unwrap();
    assert_eq!((loaded.value.len(), loaded.warnings.len()), (1, 1));
    assert!(
        loaded.warnings[0].starts_with("exception 2 in `"),
        "{loaded:?}"
    );
    assert_eq!(loaded.value[0].allow.mcp_servers, ["jira"]);

    let update = store.update(|all| all.push(exception("local-20261124-0000")));
    assert_eq!(update.unwrap().warnings.len(), 1);
    let written: Value = serde_json::from_slice(&fs::read(store.path()).unwrap()).unwrap();
    assert_eq!(written["tool_version"], "2.0.0");
    assert_eq!(written["min_scc_version"], "1.4.0");
    assert_eq!(written["exceptions"][0], text["exceptions"][0]);
    assert_eq!(written["exceptions"][1]["id"], "local-20261124-0000");
    assert_eq!(written["exceptions"][2], text["exceptions"][1]);
    assert_eq!(mode(store.path()), 0o600);
    let text = fs::read_to_string(store.path()).unwrap();
    assert!(
        text.starts_with("{\n  \"exceptions\": [\n    {\n      \"allow\""),
        "{text}"
    );
    assert!(text.ends_with("}\n"));
}

#[test]
fn an_exception_ends_at_its_moment() {
    let one = exception("x");
    assert!(one.is_active(one.expires_at - 1.nanosecond()));
    assert!(!one.is_active(one.expires_at));
}

#[test]
fn ids_are_of_the_day_and_do_not_repeat() {
    let mut all = Vec::new();
    assert_eq!(Exception::new_id(now(), 0x9af, &all), "local-20261124-09af");
    all.push(exception("local-20261124-ffff"));
    assert_eq!(
        Exception::new_id(now(), 0xffff, &all),
        "local-20261124-0000"
    );
}

#[test]
fn a_damaged_exceptions_file_is_set_aside_and_a_newer_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = ExceptionStore::user(folder.path());
    for (number, text) in ["", "[1]", "{\"schema_version\":1,\"exceptions\":{}}", "\0"]
        .into_iter()
        .enumerate()
    {
        fs::write(store.path(), text).unwrap();
        let loaded = store.read().unwrap();
        assert_eq!(
            (loaded.value.len(), loaded.warnings.len()),
            (0, 1),
            "{text:?}"
        );
        assert!(!store.path().exists());
        let kept = names(folder.path());
        let kept = kept.iter().filter(|name| name.contains(".damaged-"));
        assert_eq!(kept.count(), number + 1);
    }
    let text = "{\"schema_version\":2,\"rules\":[]}";
    fs::write(store.path(), text).unwrap();
    for error in [
        store.read().map(drop).unwrap_err(),
        store.update(Vec::clear).map(drop).unwrap_err(),
    ] {
        assert!(
            matches!(error, StateError::NewerVersion { found: 2, .. }),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(store.path()).unwrap(), text);
}

#[test]
fn a_repository_cannot_lead_its_exceptions_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (root, locks) = (folder.path().join("ws"), folder.path().join("locks"));
    let elsewhere = folder.path().join("elsewhere");
    for dir in [&root, &elsewhere] {
        fs::create_dir(dir).unwrap();
    }
    let store = ExceptionStore::repository(&root, &locks);
    let add = || store.update(|all| all.push(exception("a")));
    let refused = || {
        assert!(matches!(add().unwrap_err(), StateError::Unexpected { .. }));
        assert!(matches!(
            store.read().unwrap_err(),
            StateError::Unexpected { .. }
        ));
    };
    symlink(&elsewhere, root.join(".scc")).unwrap();
    refused();
    assert!(names(&elsewhere).is_empty());
    fs::remove_file(root.join(".scc")).unwrap();

    fs::create_dir(root.join(".scc")).unwrap();
    symlink(elsewhere.join("other.json"), store.path()).unwrap();
    refused();
    fs::remove_file(store.path()).unwrap();
    fs::create_dir(store.path()).unwrap();
    refused();
    fs::remove_dir(store.path()).unwrap();
    fs::remove_dir(root.join(".scc")).unwrap();

    add().unwrap();
    assert_eq!(store.read().unwrap().value, [exception("a")]);
    assert_eq!(names(&root.join(".scc")), ["exceptions.json"]);
    assert_eq!(mode(&locks), 0o700);
}

fn profile(repository: &str) -> PersonalProfile {
    PersonalProfile {
        repository: repository.to_owned(),
        saved_at: now(),
        plugins: vec!["lint@tools".to_owned()],
        mcp_servers: vec![json!({"name": "docs", "type": "http", "url": "https://docs.example"})],
    }
}

#[test]
fn a_profile_belongs_to_one_repository() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().join("state")).unwrap();
    let (one, two) = ("remote:git.example/team/one", "path:/work/../two");
    assert_eq!(state.profile(one).unwrap(), None);
    assert!(state.profiles().unwrap().value.is_empty());
    for repository in [one, two] {
        state
            .update_profile(repository, now(), |slot| *slot = Some(profile(repository)))
            .unwrap();
    }
    assert_eq!(state.profile(one).unwrap(), Some(profile(one)));
    assert_eq!(
        state.profiles().unwrap().value,
        [profile(two), profile(one)]
    );
    state
        .update_profile(one, now(), |slot| *slot = None)
        .unwrap();
    assert_eq!(state.profile(one).unwrap(), None);

    let dir = state.root().join("profiles");
    assert_eq!(mode(&dir), 0o700);
    for name in names(&dir) {
        assert_eq!(mode(&dir.join(&name)), 0o600, "{name}");
        if name.ends_with(".json") {
            fs::write(dir.join(name), "damaged").unwrap();
        }
    }
    let listed = state.profiles().unwrap();
    assert_eq!((listed.value.len(), listed.warnings.len()), (0, 2));
}

#[test]
fn a_profile_leaves_and_returns_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profile.json");
    profile("remote:a/b").export(&file).unwrap();
    assert_eq!(
        PersonalProfile::import(&file).unwrap(),
        profile("remote:a/b")
    );
    fs::write(&file, "{\"version\": 9, \"data\": 1}").unwrap();
    assert!(matches!(
        PersonalProfile::import(&file).unwrap_err(),
        ProfileError::State(StateError::NewerVersion { found: 9, .. })
    ));
    for text in [
        "{}",
        "[]",
        "x",
        "{\"version\": 1, \"profile\": {\"repository\": 1}}",
    ] {
        fs::write(&file, text).unwrap();
        let error = PersonalProfile::import(&file).unwrap_err();
        assert!(matches!(error, ProfileError::Invalid { .. }), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_workspace_is_given_a_team() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let workspace = Path::new("/work/project");
    assert_eq!(state.workspace_team(workspace).unwrap(), None);
    state
        .pin_workspace_team(workspace, Some("backend"), now())
        .unwrap();
    assert_eq!(
        state.workspace_team(workspace).unwrap().as_deref(),
        Some("backend")
    );
    assert_eq!(state.workspace_teams().unwrap().value.len(), 1);
    state.pin_workspace_team(workspace, None, now()).unwrap();
    assert_eq!(state.workspace_team(workspace).unwrap(), None);
}

#[test]
fn a_private_file_is_changed_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a/b/config.json");
    write_private_file(&file, b"one").unwrap();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    update_private_file::<StateError>(&file, |old| {
        assert_eq!(old.as_deref(), Some(b"one".as_slice()));
        Ok(None)
    })
    .unwrap();
    let error = update_private_file(&file, |_| {
        let path = PathBuf::from("x");
        Err(StateError::Unexpected { path, found: "no" })
    });
    assert!(error.is_err());
    assert_eq!(fs::read(&file).unwrap(), b"one");

    let link = folder.path().join("config.json");
    symlink(&file, &link).unwrap();
    write_private_file(&link, b"two").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"two");
}

#[test]
fn an_exception_is_accepted_as_it_is_and_forgotten_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().join("scc")).unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let exception = |id: &str, plugin: &str| -> scc_state::Exception {
        serde_json::from_value(json!({
            "id": id, "created_at": "2026-11-24T02:00:00Z", "expires_at": "2026-11-24T10:00:00Z",
            "reason": "r", "scope": "local", "allow": { "plugins": [plugin] }, "later": 1,
        }))
        .unwrap()
    };
    let (here, there) = (Path::new("/a"), Path::new("/b"));
    let one = exception("one", "x@y");
    state
        .accept_exception(here, &one, at("2026-11-24T03:00:00Z"))
        .unwrap();
    assert_eq!(
        state.accepted_exceptions(here).unwrap(),
        [one.digest().unwrap()]
    );
    assert!(state.accepted_exceptions(there).unwrap().is_empty());
    assert_ne!(
        exception("one", "*").digest().unwrap(),
        one.digest().unwrap()
    );
    let two = exception("two", "x@y");
    state
        .accept_exception(there, &two, at("2026-11-24T11:00:00Z"))
        .unwrap();
    assert!(state.accepted_exceptions(here).unwrap().is_empty());
}
