//! When a copy is used, when not, and what nobody can do to it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use scc_sources::{AttemptOutcome, LoadOptions, Loader, Origin, Source, SourceCache, SourceError};
use scc_testkit::https::{HttpsServer, Reply};

use crate::bench::{Bench, DAY, HOUR, at, fetch_options, validate};

/// A server whose reply can be changed.
struct Changing {
    server: HttpsServer,
    reply: std::sync::Arc<Mutex<Reply>>,
    source: Source,
}

impl Changing {
    fn new(reply: Reply) -> Self {
        let reply = std::sync::Arc::new(Mutex::new(reply));
        let shared = std::sync::Arc::clone(&reply);
        let server = HttpsServer::start(move |_| shared.lock().unwrap().clone()).unwrap();
        let source = Source::https(&server.url("/org.json")).unwrap();
        Self {
            server,
            reply,
            source,
        }
    }

    fn set(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }
}

#[test]
fn a_copy_has_a_time_to_live_at_every_call() {
    let site = Changing::new(Reply::ok("{\"v\":1}"));
    let bench = Bench::new(Some(&site.server));
    bench.load(&site.source, 0).unwrap();
    site.set(Reply::ok("{\"v\":2}"));
    for (seconds, expected, asked) in [
        (1, "{\"v\":1}", 1),
        (DAY - 1, "{\"v\":1}", 1),
        (DAY, "{\"v\":2}", 2),
        (DAY + 1, "{\"v\":2}", 2),
    ] {
        let loaded = bench.load(&site.source, seconds).unwrap();
        assert_eq!(loaded.content, expected.as_bytes(), "{seconds}");
        assert_eq!(site.asked(), asked, "{seconds}");
        assert!(loaded.warnings.is_empty());
    }
    let age = Duration::from_secs(1);
    let loaded = bench.load(&site.source, DAY + 1).unwrap();
    assert_eq!(loaded.origin, Origin::Cached { age });

    let options = |ttl, force| LoadOptions {
        ttl: Duration::from_secs(ttl),
        force,
        ..LoadOptions::at(at(DAY + 2))
    };
    bench.load_with(&site.source, options(3600, false)).unwrap();
    assert_eq!(site.asked(), 2);
    bench.load_with(&site.source, options(3600, true)).unwrap();
    assert_eq!(site.asked(), 3);
    bench.load_with(&site.source, options(0, false)).unwrap();
    assert_eq!(site.asked(), 4);
}

#[test]
fn in_the_background_a_copy_past_its_time_is_used_and_the_last_attempt_is_known() {
    let site = Changing::new(Reply::ok("{}"));
    let bench = Bench::new(Some(&site.server));
    let load = |seconds, background| {
        let options = LoadOptions {
            ttl: Duration::from_secs(3600),
            background,
            ..LoadOptions::at(at(seconds))
        };
        bench.load_with(&site.source, options).unwrap()
    };
    let attempt = || bench.loader.cache().last_attempt(&site.source).unwrap();
    let age = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
    assert_eq!(attempt(), None);
    // Without a copy there is nothing to use at once.
    assert_eq!(load(0, true).origin, Origin::Fresh);
    let info = bench.loader.cache().info(&site.source).unwrap().unwrap();
    assert_eq!((info.fetched_at, info.checked_at), (at(0), at(0)));
    assert_eq!(attempt().unwrap().outcome, AttemptOutcome::Updated);

    site.set(Reply::status(403));
    let due = load(HOUR, true);
    assert_eq!(due.origin, Origin::Due { age: age(HOUR) });
    assert!(due.wants_refresh && due.warnings.is_empty(), "{due:?}");
    assert_eq!(site.asked(), 1);

    // What the refresh says is said by whoever uses the copy after it.
    load(HOUR, false);
    assert_eq!(site.asked(), 2);
    let stale = load(HOUR + 1, true);
    let Origin::Stale {
        reason, refused, ..
    } = &stale.origin
    else {
        panic!("{stale:?}");
    };
    assert!(*refused && reason.contains("(403)"), "{reason}");
    assert!(stale.warnings[0].contains("1 hour old"), "{stale:?}");
    assert!(!stale.wants_refresh, "it was asked a second ago");
    assert!(load(HOUR + 60, true).wants_refresh);
    assert_eq!(site.asked(), 2);

    site.set(Reply::ok("{\"new\": 1}"));
    assert_eq!(load(2 * HOUR, false).origin, Origin::Fresh);
    assert_eq!(attempt().unwrap().outcome, AttemptOutcome::Updated);
    load(4 * HOUR, false);
    assert_eq!(attempt().unwrap().outcome, AttemptOutcome::Unchanged);
    assert_eq!(
        load(6 * HOUR, true).origin,
        Origin::Due { age: age(2 * HOUR) }
    );

    // The limit of seven days holds here too, and so does the check.
    site.set(Reply::status(500));
    let options = LoadOptions {
        background: true,
        ..LoadOptions::at(at(4 * HOUR + 7 * DAY + 1))
    };
    let error = bench.load_with(&site.source, options).unwrap_err();
    assert!(matches!(error, SourceError::TooOld { .. }), "{error}");
    bench.loader.cache().remove(&site.source).unwrap();
    assert!(bench.load(&site.source, 0).is_err());
}

#[test]
fn a_copy_that_is_past_its_time_serves_for_seven_days_and_says_why() {
    for (reply, reason, refused) in [
        (
            Reply::status(500),
            "failed on the server's side (500)",
            false,
        ),
        (Reply::status(404), "does not exist (404)", true),
        (Reply::status(403), "does not let you read it (403)", true),
        (
            Reply::status(401),
            "wants credentials, or other ones (401)",
            true,
        ),
        (
            Reply::ok("{").short_by(5),
            "did not send a usable document: it broke off before its end",
            false,
        ),
        (Reply::ok("[1]"), "is not valid: it is not an object", false),
    ] {
        let site = Changing::new(Reply::ok("{}").with_header("etag", "\"1\""));
        let bench = Bench::new(Some(&site.server));
        bench.load(&site.source, 0).unwrap();
        site.set(reply);
        let loaded = bench.load(&site.source, 7 * DAY).unwrap();
        assert_eq!(loaded.content, b"{}");
        let Origin::Stale {
            age,
            reason: found,
            refused: was_refused,
        } = &loaded.origin
        else {
            panic!("{loaded:?}");
        };
        assert_eq!((age.as_secs(), *was_refused), (604_800, refused));
        assert!(found.ends_with(reason), "{found}");
        assert_eq!(loaded.warnings.len(), 1);
        assert!(
            loaded.warnings[0].contains("that is 7 days old: "),
            "{loaded:?}"
        );

        let error = bench.load(&site.source, 7 * DAY + 1).unwrap_err();
        let SourceError::TooOld {
            age: Some(age),
            source: Some(source),
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(age.as_secs(), 604_801);
        assert!(source.to_string().ends_with(reason), "{source}");
        assert!(
            error.to_string().contains("which is too old to be used"),
            "{error}"
        );
        // The server comes back, and the copy was never replaced by what was wrong.
        site.set(Reply::status(304));
        let loaded = bench.load(&site.source, 30 * DAY).unwrap();
        assert_eq!(
            (loaded.content.as_slice(), loaded.origin),
            (b"{}".as_slice(), Origin::Fresh)
        );
    }
}

#[test]
fn nobody_can_ask_for_more_than_seven_days() {
    let site = Changing::new(Reply::ok("{}"));
    let bench = Bench::new(Some(&site.server));
    bench.load(&site.source, 0).unwrap();
    site.set(Reply::status(500));
    let options = |max_stale, seconds| LoadOptions {
        max_stale: Duration::from_secs(max_stale),
        ..LoadOptions::at(at(seconds))
    };
    bench
        .load_with(&site.source, options(u64::MAX, 8 * DAY))
        .unwrap_err();
    bench
        .load_with(&site.source, options(3600, 2 * DAY))
        .unwrap_err();
    let options = LoadOptions {
        ttl: Duration::MAX,
        ..LoadOptions::at(at(8 * DAY))
    };
    bench.load_with(&site.source, options).unwrap_err();
}

/// A copy may say of itself what it likes: whoever asks for the document anew gets it.
#[test]
fn a_document_is_taken_anew_without_what_the_copy_says() {
    let document = std::sync::Arc::new(Mutex::new("{\"v\":\"forged\"}"));
    let shared = std::sync::Arc::clone(&document);
    let server = HttpsServer::start(move |request| match request.header("if-none-match") {
        Some("\"1\"") => Reply::status(304),
        _ => Reply::ok(*shared.lock().unwrap()).with_header("etag", "\"1\""),
    });
    let server = server.unwrap();
    let source = Source::https(&server.url("/org.json")).unwrap();
    let bench = Bench::new(Some(&server));
    bench.load(&source, 0).unwrap();
    *document.lock().unwrap() = "{\"v\":\"true\"}";
    let loaded = bench.load(&source, DAY).unwrap();
    assert_eq!(loaded.content, b"{\"v\":\"forged\"}");
    let force = LoadOptions {
        force: true,
        ..LoadOptions::at(at(DAY + 1))
    };
    let loaded = bench.load_with(&source, force).unwrap();
    assert_eq!(loaded.content, b"{\"v\":\"true\"}");
    let loaded = bench.load(&source, DAY + 2).unwrap();
    assert_eq!(loaded.content, b"{\"v\":\"true\"}");
}

#[test]
fn a_directory_or_a_pipe_in_the_place_of_a_copy_is_set_aside() {
    let site = Changing::new(Reply::ok("{}"));
    let bench = Bench::new(Some(&site.server));
    bench.load(&site.source, 0).unwrap();
    let copy = bench.copies().remove(0);
    assert_eq!(copy.extension().unwrap(), "copy");
    for put in [
        &["mkdir"] as &[&str],
        &["mkfifo"],
        &["ln", "-s", "/dev/zero"],
    ] {
        std::fs::remove_file(&copy).unwrap();
        let status = Command::new(put[0]).args(&put[1..]).arg(&copy).status();
        assert!(status.unwrap().success());
        let loaded = bench.load(&site.source, 1).unwrap();
        assert_eq!(loaded.origin, Origin::Fresh, "{put:?}");
        assert!(loaded.warnings[0].contains("not a regular file"), "{put:?}");
        assert!(copy.is_file(), "{put:?}");
    }
}

#[test]
fn offline_asks_nobody_and_says_how_old() {
    let site = Changing::new(Reply::ok("{}"));
    let bench = Bench::new(Some(&site.server));
    let error = bench.offline(&site.source, 0).unwrap_err();
    assert!(matches!(error, SourceError::Offline { .. }), "{error}");
    assert_eq!(
        error.hint().as_deref(),
        Some("connect once without `--offline`")
    );
    bench.load(&site.source, 0).unwrap();
    let loaded = bench.offline(&site.source, HOUR).unwrap();
    let age = Duration::from_secs(3600);
    assert_eq!(loaded.origin, Origin::Cached { age });
    let loaded = bench.offline(&site.source, 3 * DAY).unwrap();
    assert!(loaded.warnings[0].ends_with("that is 3 days old: nothing is fetched offline"));
    let error = bench.offline(&site.source, 8 * DAY).unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("fetch it again without `--offline`")
    );
    assert_eq!(site.asked(), 1);
}

#[test]
fn a_copy_that_was_changed_by_hand_is_never_used() {
    let changes: [&dyn Fn(&str) -> String; 6] = [
        &|text| text.replace("{\"v\":1}", "{\"v\":9}"),
        &|text| text.replace("2026-11-24T02", "2026-11-24T03"),
        &|text| text.replace("\"etag\":\"1\"", "\"etag\":\"2\""),
        &|text| text[..text.len() - 3].to_owned(),
        &|_| String::new(),
        &|_| "{\"v\":9}".to_owned(),
    ];
    for change in changes {
        let site = Changing::new(Reply::ok("{\"v\":1}").with_header("etag", "1"));
        let bench = Bench::new(Some(&site.server));
        bench.load(&site.source, 0).unwrap();
        let file = bench.copies().pop().unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(&text)).unwrap();
        let error = bench.offline(&site.source, 1).unwrap_err();
        assert!(matches!(error, SourceError::Offline { .. }), "{error}");
        assert_eq!(bench.copies().len(), 1, "it is set aside");

        std::fs::write(&file, change(&text)).unwrap();
        let loaded = bench.load(&site.source, 1).unwrap();
        assert_eq!(
            (loaded.content.as_slice(), loaded.origin),
            (b"{\"v\":1}".as_slice(), Origin::Fresh)
        );
        assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
        let request = site.server.requests().pop().unwrap();
        assert_eq!(
            request.header("if-none-match"),
            None,
            "its ETag is not believed either"
        );
    }
}

#[test]
fn the_copy_of_one_document_does_not_stand_in_for_another() {
    let server =
        HttpsServer::start(|request| Reply::ok(format!("{{{}}}", request.path()))).unwrap();
    let bench = Bench::new(Some(&server));
    let source = |path: &str| Source::https(&server.url(path)).unwrap();
    bench.load(&source("/strict"), 0).unwrap();
    let strict = bench.copies().pop().unwrap();
    bench.load(&source("/lenient"), 0).unwrap();
    let lenient = bench
        .copies()
        .into_iter()
        .find(|file| *file != strict)
        .unwrap();
    std::fs::copy(&lenient, &strict).unwrap();
    let loaded = bench.load(&source("/strict"), 1).unwrap();
    assert_eq!(loaded.content, b"{/strict}");
    assert!(loaded.warnings[0].contains("it is the copy of another document"));
}

#[test]
fn a_copy_is_checked_whenever_it_is_read() {
    let site = Changing::new(Reply::ok("{}").with_header("etag", "1"));
    let bench = Bench::new(Some(&site.server));
    bench.load(&site.source, 0).unwrap();
    let strict = |content: &[u8]| match content == b"{\"v\":2}" {
        true => Ok(()),
        false => Err("version 2 is wanted".to_owned()),
    };
    let load = |offline| {
        let options = LoadOptions {
            offline,
            ..LoadOptions::at(at(1))
        };
        bench.loader.load(&site.source, &options, &strict)
    };
    let error = load(true).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not valid: version 2 is wanted"),
        "{error}"
    );
    load(false).unwrap_err();
    site.set(Reply::ok("{\"v\":2}"));
    assert_eq!(load(false).unwrap().content, b"{\"v\":2}");
    let last = site.server.requests().pop().unwrap();
    assert_eq!(last.header("if-none-match"), None);
}

#[test]
fn a_clock_that_went_back_makes_no_copy_young() {
    let site = Changing::new(Reply::ok("{}"));
    let bench = Bench::new(Some(&site.server));
    bench.load(&site.source, 30 * DAY).unwrap();
    bench.load(&site.source, 30 * DAY - 60).unwrap();
    assert_eq!(site.asked(), 1, "a minute is nothing");
    site.set(Reply::status(500));
    let error = bench.load(&site.source, 0).unwrap_err();
    assert!(
        error.to_string().ends_with("seems to be from the future"),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("check the clock"));
    bench.offline(&site.source, 0).unwrap_err();
}

#[test]
fn files_of_this_machine_have_no_copy() {
    let bench = Bench::new(None);
    let file = bench.folder.path().join("org.json");
    let source = Source::file(file.clone());
    let error = bench.load(&source, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`", file.display())
    );
    for version in ["{\"v\":1}", "{\"v\":2}"] {
        std::fs::write(&file, version).unwrap();
        assert_eq!(
            bench.offline(&source, 0).unwrap().content,
            version.as_bytes()
        );
    }
    std::fs::write(&file, "[]").unwrap();
    let error = bench.load(&source, 0).unwrap_err();
    assert!(matches!(error, SourceError::Invalid { .. }), "{error}");
    std::fs::write(&file, vec![b' '; 10_001]).unwrap();
    bench.load(&source, 0).unwrap_err();
    let directory = Source::file(bench.folder.path().to_owned());
    bench.load(&directory, 0).unwrap_err();
    assert!(bench.copies().is_empty());
}

#[test]
fn one_fetch_answers_for_all_who_wait() {
    let delay = Duration::from_millis(300);
    let site = Changing::new(Reply::ok("{}").after(delay));
    let bench = Bench::new(Some(&site.server));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| bench.load(&site.source, 0).unwrap());
        }
    });
    println!("8 threads, one fetch of 300 ms: {:?}", start.elapsed());
    assert_eq!(site.asked(), 1);
    assert_eq!(bench.copies().len(), 1);
}

#[test]
fn a_fetch_that_hangs_does_not_hold_up_the_others_for_ever() {
    let site = Changing::new(Reply::ok("{}").after(Duration::from_secs(60)));
    let bench = Bench::new(Some(&site.server));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut options = fetch_options(Some(&site.server), bench.folder.path());
                options.total_timeout = Duration::from_secs(1);
                let loader = Loader::new(bench.loader.cache().clone(), options);
                let options = LoadOptions::at(at(0));
                loader.load(&site.source, &options, &validate).unwrap_err();
            });
        }
    });
    println!(
        "8 threads, a server that hangs, 1 s to wait: {:?}",
        start.elapsed()
    );
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn eight_processes_share_the_copies() {
    let server =
        HttpsServer::start(|request| Reply::ok(format!("{{{}}}", request.path()))).unwrap();
    let bench = Bench::new(Some(&server));
    let authority = bench.folder.path().join("authority.pem");
    std::fs::write(&authority, server.authority()).unwrap();
    let child = |_| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copies::child_process", "--ignored"])
            .env("SCC_TEST_ROOT", bench.folder.path())
            .env("SCC_TEST_URL", server.url(""))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..8).map(child).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let asked = server.requests().len();
    println!("8 processes x 20 loads of 4 documents: {asked} requests");
    assert!((20..=160).contains(&asked));
    assert_eq!(bench.copies().len(), 4, "none was set aside");
}

#[test]
#[ignore = "the other side of `eight_processes_share_the_copies`"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test process is told its part by environment"
)]
fn child_process() {
    let root = PathBuf::from(std::env::var_os("SCC_TEST_ROOT").unwrap());
    let url = std::env::var("SCC_TEST_URL").unwrap();
    let mut options = fetch_options(None, &root);
    options.extra_authorities = vec![std::fs::read(root.join("authority.pem")).unwrap()];
    let cache = SourceCache::open(root.join("cache")).unwrap();
    let loader = Loader::new(cache, options);
    for number in 0..20 {
        let path = format!("/{}", number % 4);
        let source = Source::https(&format!("{url}{path}")).unwrap();
        // Every round of the four is a day later, so that copies are replaced all the time.
        let options = LoadOptions::at(at(number / 4 * DAY));
        let loaded = loader.load(&source, &options, &validate).unwrap();
        assert_eq!(loaded.content, format!("{{{path}}}").into_bytes());
        assert!(loaded.warnings.is_empty(), "{loaded:?}");
    }
}
