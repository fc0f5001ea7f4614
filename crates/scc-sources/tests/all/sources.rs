//! What may be written as a source, and what it means.

use std::path::Path;

use proptest::prelude::*;
use scc_sources::{Source, SourceKind};

fn parse(text: &str) -> Result<Source, scc_sources::SourceError> {
    Source::parse(text, Path::new("/base"))
}

#[test]
fn every_form_has_one_canonical_text() {
    use SourceKind::{File, Git, Https};
    for (text, kind, canonical) in [
        ("org.json", File, "/base/org.json"),
        ("./a/org.yaml", File, "/base/./a/org.yaml"),
        (" /etc/scc/org.json ", File, "/etc/scc/org.json"),
        ("a:b", File, "/base/a:b"),
        (
            "https://example.org/org.json",
            Https,
            "https://example.org/org.json",
        ),
        (
            "HTTPS://Example.ORG:443/x?a=1#top",
            Https,
            "https://example.org/x?…",
        ),
        ("github:acme/policy", Git, "github:acme/policy"),
        (
            "github:acme/policy.git@v1.2",
            Git,
            "github:acme/policy@v1.2",
        ),
        (
            "github:acme/policy@release/1:teams/a.json",
            Git,
            "github:acme/policy@release/1:teams/a.json",
        ),
        ("github:acme/.github", Git, "github:acme/.github"),
        (
            "github:acme/policy:/org.json",
            Git,
            "github:acme/policy:org.json",
        ),
        (
            "https://git.example/a/b.git",
            Git,
            "https://git.example/a/b.git",
        ),
        (
            "https://git.example:8443/a/b.git@main:c/d.json",
            Git,
            "https://git.example:8443/a/b.git@main:c/d.json",
        ),
        (
            "git+https://git.example/a/b:d.json",
            Git,
            "git+https://git.example/a/b:d.json",
        ),
        (
            "git+https://git.example/a/b.git",
            Git,
            "https://git.example/a/b.git",
        ),
        (
            "ssh://git@git.example:22/a/b.git@main",
            Git,
            "ssh://git@git.example:22/a/b.git@main",
        ),
        (
            "git+ssh://git@git.example/a/b",
            Git,
            "ssh://git@git.example/a/b",
        ),
        ("git@git.example:a/b.git", Git, "git@git.example:a/b.git"),
        (
            "https://GIT.example:443/a/../%2e%2E/b.git",
            Git,
            "https://git.example/b.git",
        ),
        (
            "git@git.example:a/b@main:c.json",
            Git,
            "git@git.example:a/b@main:c.json",
        ),
        (
            "file:///srv/a@b/policy.git@main:c.json",
            Git,
            "file:///srv/a@b/policy.git@main:c.json",
        ),
    ] {
        let source = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            (source.kind(), source.to_string().as_str()),
            (kind, canonical),
            "{text}"
        );
        assert_eq!(parse(&source.to_text()).unwrap(), source, "{text}");
    }
}

#[test]
fn what_is_refused_and_what_is_said() {
    for (text, message) in [
        (
            "",
            "`` is not a usable source: a source is a path or an address",
        ),
        (
            "http://example.org/org.json",
            "`http://example.org/org.json` is not a usable source: anybody on the way could change \
             the document",
        ),
        (
            "git+http://example.org/a.git",
            "`git+http://example.org/a.git` is not a usable source: anybody on the way could \
             change the document",
        ),
        (
            "git://example.org/a.git",
            "`git://example.org/a.git` is not a usable source: anybody on the way could change the \
             document",
        ),
        (
            "ftp://example.org/a",
            "`ftp://example.org/a` is not a usable source: `ftp://` is not supported",
        ),
        (
            "https://ada:hunter2@example.org/a",
            "`https://…` is not a usable source: an address must not hold credentials",
        ),
        (
            "https://hunter2@example.org/a.git",
            "`https://…` is not a usable source: an address must not hold credentials",
        ),
        (
            "http://ada:hunter2@example.org/a?token=hunter2",
            "`http://…@example.org/a` is not a usable source: anybody on the way could change the \
             document",
        ),
        (
            "github:acme",
            "`github:acme` is not a usable source: the repository is missing",
        ),
        (
            "github:acme/policy/org.json",
            "`github:acme/policy/org.json` is not a usable source: a path comes after a colon",
        ),
        (
            "github:-x/policy",
            "`github:-x/policy` is not a usable source: `-x` is not a name of an owner or \
             repository",
        ),
        (
            "github:acme/..",
            "`github:acme/..` is not a usable source: `..` is not a name of an owner or repository",
        ),
        (
            "github:acme/policy@--upload-pack=touch x",
            "`github:acme/policy` is not a usable source: `--upload-pack=touch x` is not a branch, \
             tag or commit",
        ),
        (
            "github:acme/policy@a..b",
            "`github:acme/policy` is not a usable source: `a..b` is not a branch, tag or commit",
        ),
        (
            "github:acme/policy@+main",
            "`github:acme/policy` is not a usable source: `+main` is not a branch, tag or commit",
        ),
        (
            "github:acme/policy:../../etc/passwd",
            "`github:acme/policy` is not a usable source: `../../etc/passwd` is not a path in a \
             repository",
        ),
        (
            "ssh://-oProxyCommand=x/a/b.git",
            "`ssh://-oProxyCommand=x/a/b.git` is not a usable source",
        ),
        (
            "~/org.json",
            "`~/org.json` is not a usable source: `~` means nothing here",
        ),
        (
            "file://host/srv/a.git",
            "`file://host/srv/a.git` is not a usable source: it is not the address of a repository",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.to_string().starts_with(message), "{text}: {error}");
        assert!(
            !format!("{error} {:?}", error.hint()).contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn a_query_is_not_shown() {
    let source = parse("https://example.org/org.json?token=hunter2").unwrap();
    assert_eq!(source.to_string(), "https://example.org/org.json?…");
    assert_eq!(
        format!("{source:?}"),
        "Source(https://example.org/org.json?…)"
    );
    assert_eq!(
        source.to_text(),
        "https://example.org/org.json?token=hunter2"
    );
}

#[test]
fn pieces_of_a_document_make_a_source_that_is_elsewhere() {
    let github = |owner, repo, branch, path| Source::github(owner, repo, branch, path);
    let source = github("acme", "teams", Some("main"), Some("")).unwrap();
    assert_eq!(source.to_string(), "github:acme/teams@main");
    assert!(github("acme/x", "teams", None, None).is_err());
    assert!(github("acme", "teams", Some("-x"), None).is_err());
    assert!(github("acme", "teams", None, Some("a/../b")).is_err());

    let git = |address| Source::git(address, Some("main"), Some("/team.json"));
    for (address, text) in [
        (
            "https://git.example/a/b",
            "git+https://git.example/a/b@main:team.json",
        ),
        (
            "https://git.example/a/b.git",
            "https://git.example/a/b.git@main:team.json",
        ),
        ("git@git.example:a/b", "git@git.example:a/b@main:team.json"),
    ] {
        let source = git(address).unwrap();
        assert_eq!(
            (source.to_string().as_str(), source.is_local()),
            (text, false)
        );
    }
    for address in [
        "file:///etc",
        "/etc",
        "../policy",
        "ext::sh -c id",
        "http://git.example/a.git",
        "git@-oProxyCommand=x:a/b",
        "git@host:-x",
        "git@host:acme/../evil.git",
        "https://user:pw@git.example/a.git",
    ] {
        assert!(git(address).is_err(), "{address}");
    }
    assert!(Source::https("file:///etc/passwd").is_err());
    assert!(parse("file:///srv/a.git").unwrap().is_local());
    assert!(parse("org.json").unwrap().is_local());
}

proptest! {
    #[test]
    fn whatever_is_accepted_reads_back_as_the_same(
        start in "(github:|https://|git\\+https://|ssh://|file://|git@|)",
        rest in "[a-c./:@%?#~ \\-_]{0,24}(\\.git)?[a-c./:@\\-]{0,12}",
    ) {
        if let Ok(source) = parse(&format!("{start}{rest}")) {
            let text = source.to_text();
            let again = parse(&text);
            prop_assert!(again.is_ok(), "{text}");
            prop_assert_eq!(again.ok(), Some(source), "{}", text);
        }
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>()) {
        let _ = parse(&text);
    }
}

#[test]
fn who_is_asked_for_a_source() {
    for (text, expected) in [
        ("org.json", None),
        ("https://Corp.example/x", Some("corp.example")),
        ("https://corp.example:8443/x", Some("corp.example:8443")),
        ("github:corp/rules", Some("github.com")),
        ("git@git.corp.example:rules.git", Some("git.corp.example")),
        (
            "https://git.corp.example/rules.git",
            Some("git.corp.example"),
        ),
        ("file:///srv/rules.git", None),
    ] {
        let source = Source::parse(text, std::path::Path::new("/base")).unwrap();
        assert_eq!(source.authority().as_deref(), expected, "{text}");
    }
}
