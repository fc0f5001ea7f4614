//! A real HTTPS server that behaves in all the ways that servers do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::bench::{Bench, HOUR, at};
use scc_sources::{AuthHeader, LoadOptions, Origin, ProxyOptions, Revision, Source, SourceError};
use scc_testkit::https::{HttpsServer, Reply};
use secrecy::SecretString;

fn source(server: &HttpsServer) -> Source {
    Source::https(&server.url("/org.json")).unwrap()
}

fn always(reply: Reply) -> HttpsServer {
    HttpsServer::start(move |_| reply.clone()).unwrap()
}

/// The error of a fetch, with the address shortened, and its hint.
fn failure(reply: Reply) -> (String, Option<String>) {
    let server = always(reply);
    failure_with(&server, &Bench::new(Some(&server)))
}

fn failure_with(server: &HttpsServer, bench: &Bench) -> (String, Option<String>) {
    let error = bench.load(&source(server), 0).unwrap_err();
    assert!(bench.copies().is_empty(), "nothing is kept of it");
    let text = error.to_string().replace(&server.url("/org.json"), "URL");
    (text, error.hint())
}

#[test]
fn a_document_and_its_etag() {
    let server = always(Reply::ok("{}").with_header("etag", "\"one\""));
    let bench = Bench::new(Some(&server));
    let loaded = bench.load(&source(&server), 0).unwrap();
    assert_eq!(loaded.content, b"{}");
    assert_eq!(loaded.origin, Origin::Fresh);
    assert_eq!(loaded.revision, Some(Revision::Etag("\"one\"".to_owned())));
    assert_eq!(
        loaded.sha256,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    assert!(loaded.warnings.is_empty());
    let request = &server.requests()[0];
    assert!(request.header("user-agent").unwrap().starts_with("scc/"));
    assert_eq!(request.header("if-none-match"), None);
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn not_modified_renews_the_copy() {
    let server = HttpsServer::start(|request| match request.header("if-none-match") {
        Some("\"one\"") => Reply::status(304),
        Some(other) => panic!("{other}"),
        None => Reply::ok("{}").with_header("etag", "\"one\""),
    })
    .unwrap();
    let (bench, source) = (Bench::new(Some(&server)), source(&server));
    bench.load(&source, 0).unwrap();
    let loaded = bench.load(&source, 25 * HOUR).unwrap();
    assert_eq!(
        (loaded.content.as_slice(), loaded.origin),
        (b"{}".as_slice(), Origin::Fresh)
    );
    assert_eq!(loaded.fetched_at, at(0));
    assert_eq!(server.requests().len(), 2);
    let loaded = bench.load(&source, 48 * HOUR).unwrap();
    assert!(matches!(loaded.origin, Origin::Cached { .. }), "{loaded:?}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_not_modified_that_nobody_asked_for_is_no_document() {
    let (text, _) = failure(Reply::status(304));
    assert_eq!(text, "`URL` was answered with status 304");
}

#[test]
fn every_refusal_has_its_own_words() {
    for (status, text, hint) in [
        (
            401,
            "`URL` wants credentials, or other ones (401)",
            "check the credentials that the settings name",
        ),
        (
            403,
            "`URL` does not let you read it (403)",
            "ask whoever keeps the document to let you read it",
        ),
        (
            404,
            "`URL` does not exist (404)",
            "check the address; some servers answer like this when you may not read it",
        ),
        (
            500,
            "`URL` failed on the server's side (500)",
            "try again later",
        ),
        (
            503,
            "`URL` failed on the server's side (503)",
            "try again later",
        ),
    ] {
        let found = failure(Reply::status(status));
        assert_eq!(found, (text.to_owned(), Some(hint.to_owned())));
    }
    assert_eq!(
        failure(Reply::status(204)).0,
        "`URL` was answered with status 204"
    );
}

#[test]
fn what_is_no_document() {
    let page = "this looks like a web page";
    for (reply, reason) in [
        (
            Reply::ok("<p>no</p>").with_header("content-type", "Text/HTML; charset=utf-8"),
            page,
        ),
        (Reply::ok("\n<!DOCTYPE html><html>{}"), page),
        (Reply::ok("\u{feff}<html>"), page),
        (Reply::ok(" \n"), "it is empty"),
        (
            Reply::ok("{}").with_header("content-encoding", "gzip"),
            "it is compressed as `gzip`",
        ),
        (Reply::ok("{}").short_by(1), "it broke off before its end"),
        (
            Reply::ok("{}").chunked(false),
            "it broke off before its end",
        ),
        (
            Reply::ok("{}").torn(),
            "it does not say where it ends, so it may have been cut",
        ),
        (
            Reply::ok(vec![b' '; 10_001]),
            "it is larger than 10000 bytes",
        ),
        (
            Reply::ok(vec![b' '; 10_001]).chunked(true),
            "it is larger than 10000 bytes",
        ),
    ] {
        let (text, hint) = failure(reply);
        let expected = format!("`URL` did not send a usable document: {reason}");
        assert_eq!(text, expected);
        let hinted = [page, "broke", "ends"]
            .iter()
            .any(|word| reason.contains(word));
        assert_eq!(hint.is_some(), hinted, "{reason}");
    }
    let named = always(Reply::ok("{}").with_header("content-type", "text/html"));
    Bench::new(Some(&named)).load(&source(&named), 0).unwrap();
    let whole = always(Reply::ok("{}").chunked(true));
    Bench::new(Some(&whole)).load(&source(&whole), 0).unwrap();
    let exact = always(Reply::ok(format!("{{{:9998}}}", "")));
    Bench::new(Some(&exact)).load(&source(&exact), 0).unwrap();
}

#[test]
fn an_invalid_document_is_not_kept() {
    let (text, _) = failure(Reply::ok("[]"));
    assert_eq!(
        text,
        "the document from `URL` is not valid: it is not an object"
    );
}

#[test]
fn redirections_lead_to_https_only_and_not_for_ever() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let plain = format!("http://{}/org.json", trap.local_addr().unwrap());
    let (text, _) = failure(Reply::redirect(&plain));
    assert_eq!(
        text,
        format!("`URL` redirects to `{plain}`, which is not encrypted")
    );
    assert!(trap.accept().is_err(), "nobody came");

    for (to, reason) in [
        ("/org.json", "more than 5 times"),
        (
            "file:///etc/passwd",
            "to `file:///etc/passwd`, which is not encrypted",
        ),
        (
            "https://ada:pw@localhost/",
            "to an address with credentials",
        ),
        ("https://", "to something that is no address"),
    ] {
        let (text, _) = failure(Reply::redirect(to));
        assert_eq!(text, format!("`URL` redirects {reason}"));
    }
    assert_eq!(failure(Reply::status(301)).0, "`URL` redirects to nowhere");

    let server = HttpsServer::start(|request| match request.path() {
        "/org.json" => Reply::redirect("moved/to.json"),
        "/moved/to.json" => Reply::ok("{}"),
        _ => Reply::status(404),
    })
    .unwrap();
    Bench::new(Some(&server)).load(&source(&server), 0).unwrap();
}

#[test]
fn credentials_stay_with_their_host() {
    let server = HttpsServer::start(|request| match request.path() {
        "/org.json" => Reply::redirect("/second"),
        "/second" => {
            let port = request.header("host").unwrap().rsplit(':').next().unwrap();
            Reply::redirect(&format!("https://127.0.0.1:{port}/third"))
        }
        _ => Reply::ok("{}"),
    })
    .unwrap();
    let bench = Bench::new(Some(&server));
    let asked = AtomicUsize::new(0);
    let find = || {
        asked.fetch_add(1, Ordering::Relaxed);
        AuthHeader::new(None, &SecretString::from("hunter2"))
    };
    let load = |seconds| {
        let options = LoadOptions {
            auth: Some(&find),
            ..LoadOptions::at(at(seconds))
        };
        bench.load_with(&source(&server), options)
    };
    load(0).unwrap();
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    let bearer = Some("Bearer hunter2".to_owned());
    assert_eq!(sent, [bearer.clone(), bearer, None]);
    load(60).unwrap();
    assert_eq!(
        asked.load(Ordering::Relaxed),
        1,
        "a copy that is fresh needs none"
    );
}

#[test]
fn credentials_that_cannot_be_had() {
    let server = always(Reply::ok("{}"));
    let bench = Bench::new(Some(&server));
    let find = || Err("`TOKEN` is not set".to_owned());
    let options = LoadOptions {
        auth: Some(&find),
        ..LoadOptions::at(at(0))
    };
    let error = bench.load_with(&source(&server), options).unwrap_err();
    assert!(matches!(error, SourceError::Credentials { .. }), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_server_that_is_slow_is_not_waited_for() {
    let start = Instant::now();
    let server = always(Reply::ok("{}").after(Duration::from_secs(60)));
    let bench = Bench::with(Some(&server), |options| {
        options.read_timeout = Duration::from_secs(1);
    });
    let (text, hint) = failure_with(&server, &bench);
    assert_eq!(text, "cannot reach `URL`: it did not answer in time");
    assert_eq!(
        hint.as_deref(),
        Some("check the address and the connection")
    );
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );

    let server = always(Reply::ok(vec![b' '; 1000]).dripping(Duration::from_millis(100)));
    let bench = Bench::with(Some(&server), |options| {
        options.total_timeout = Duration::from_secs(1);
    });
    let start = Instant::now();
    let error = bench.load(&source(&server), 0).unwrap_err();
    assert!(
        error.to_string().ends_with("it did not answer in time"),
        "{error}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_certificate_must_be_trusted() {
    let server = always(Reply::ok("{}"));
    let error = Bench::new(None).load(&source(&server), 0).unwrap_err();
    assert!(error.hint().unwrap().contains("ca_certificates"), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let other = always(Reply::ok("{}"));
    let error = Bench::new(Some(&other))
        .load(&source(&server), 0)
        .unwrap_err();
    assert!(error.hint().unwrap().contains("ca_certificates"), "{error}");
    assert!(server.requests().is_empty());

    for (pem, reason) in [
        ("no certificate", "authority file 1 holds no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n",
            "authority file 1 ",
        ),
    ] {
        let bench = Bench::with(None, |options| {
            options.extra_authorities = vec![pem.as_bytes().to_vec()];
        });
        let error = bench.load(&source(&server), 0).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

/// A proxy that opens one tunnel; it gives what it was asked for.
fn tunnel() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://ada:hunter2@{}", listener.local_addr().unwrap());
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        send.send(head).unwrap();
        let mut server = TcpStream::connect(target).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, &mut client);
    });
    (address, receive)
}

#[test]
fn a_proxy_carries_what_it_cannot_read() {
    let server = always(Reply::ok("{}"));
    let (address, asked) = tunnel();
    let bench = |bypass: &[&str]| {
        Bench::with(Some(&server), |options| {
            options.proxy = Some(ProxyOptions {
                address: SecretString::from(address.as_str()),
                bypass: bypass.iter().map(|host| (*host).to_owned()).collect(),
            });
        })
    };
    bench(&["localhost"]).load(&source(&server), 0).unwrap();
    assert!(asked.try_recv().is_err(), "it was asked directly");
    bench(&[]).load(&source(&server), 0).unwrap();
    let head = asked.recv().unwrap();
    assert!(head.starts_with("CONNECT localhost:"), "{head}");
    assert!(
        head.to_lowercase().contains("proxy-authorization: basic "),
        "{head}"
    );
}

#[test]
fn a_host_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bench = Bench::new(None);
    let source = Source::https(&format!("https://{free}/org.json")).unwrap();
    let error = bench.load(&source, 0).unwrap_err();
    assert!(
        error.to_string().ends_with(": nothing listens there"),
        "{error}"
    );
    let source = Source::https("https://no-such-host.invalid/org.json").unwrap();
    let error = bench.load(&source, 0).unwrap_err();
    assert!(matches!(error, SourceError::Network { .. }), "{error}");
}
