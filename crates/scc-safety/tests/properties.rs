//! What holds for any command and any text.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[expect(dead_code, reason = "the table is shared, and each test uses a part")]
mod rows;

use proptest::prelude::*;
use rows::{ARGV, SHELL, rows, words};
use scc_safety::{
    Group, Policy, RuleId, Switches, Unknown, Verdict, evaluate_argv, evaluate_shell, rules,
};

fn argv<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Verdict {
    evaluate_argv(words, &Unknown, &Policy::default())
}

fn shell(text: &str) -> Verdict {
    evaluate_shell(text, &Unknown, &Policy::default())
}

/// A word in single quotes.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn joined(words: &[String]) -> String {
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn found(verdict: &Verdict) -> Vec<&RuleId> {
    verdict
        .findings
        .iter()
        .map(|finding| &finding.rule)
        .collect()
}

/// Commands that the engine has something to say about: pieces of git's language, thrown together.
fn command() -> impl Strategy<Value = Vec<String>> {
    const NAMES: [&str; 18] = [
        "push",
        "reset",
        "branch",
        "tag",
        "checkout",
        "switch",
        "restore",
        "clean",
        "stash",
        "reflog",
        "gc",
        "prune",
        "fetch",
        "pull",
        "worktree",
        "submodule",
        "update-ref",
        "log",
    ];
    const ARGS: [&str; 39] = [
        "--force",
        "-f",
        "--hard",
        "--soft",
        "-D",
        "-d",
        "--",
        "-n",
        "--dry-run",
        "--no-force",
        "origin",
        "main",
        "+main",
        ":main",
        "HEAD~1",
        ".",
        "drop",
        "clear",
        "expire",
        "delete",
        "remove",
        "update",
        "deinit",
        "--delete",
        "--mirror",
        "--prune",
        "-fd",
        "-fdn",
        "-e",
        "-o",
        "--prune=now",
        "--staged",
        "-B",
        "-C",
        "--merge",
        "--for",
        "--",
        "-h",
        "--stdin",
    ];
    const GLOBALS: [&str; 7] = ["-C", ".", "--no-pager", "-c", "a.b=c", "-P", "--git-dir=x"];
    (
        prop::collection::vec(prop::sample::select(&GLOBALS[..]), 0..2),
        prop::sample::select(&NAMES[..]),
        prop::collection::vec(prop::sample::select(&ARGS[..]), 0..6),
    )
        .prop_map(|(globals, name, args)| {
            let words = ["git"].into_iter().chain(globals).chain([name]).chain(args);
            words.map(str::to_owned).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_words_are_judged(words in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        use std::os::unix::ffi::OsStringExt as _;
        let words: Vec<_> = words.into_iter().map(std::ffi::OsString::from_vec).collect();
        let verdict = argv(&words);
        prop_assert_eq!(verdict.is_refused(), !verdict.findings.is_empty());
    }

    #[test]
    fn any_text_is_judged(text in "(?s).{0,200}") {
        for finding in shell(&text).findings {
            prop_assert!(text.get(finding.span).is_some());
        }
    }

    #[test]
    fn any_shell_like_text_is_judged(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "git ", "push ", "--force ", "$x", "${x:-", "}", "$(", ")", "(", "`", "'", "\"", "\\",
            "\n", ";", "&&", "|", "{", "{a,b}", "if ", "then ", "fi", "for ", "in ", "do ", "done",
            "case ", "esac", "<<EOF\n", "EOF\n", "<<<", "<(", "[[ ", " ]]", "((", "))", "=", "a[",
            "]", "~", "*", "#", "$'", "é", "function ", "eval ", "sh -c ", "xargs ", "&", "!",
        ]), 0..30),
    ) {
        let text = pieces.concat();
        for finding in shell(&text).findings {
            prop_assert!(text.get(finding.span).is_some());
        }
    }

    #[test]
    fn quotes_around_words_change_nothing(words in command()) {
        let plain = shell(&words.join(" "));
        let verdict = shell(&joined(&words));
        prop_assert_eq!(found(&plain), found(&verdict));
        let executed = argv(&words);
        prop_assert_eq!(found(&executed), found(&verdict));
    }

    #[test]
    fn wrappers_let_nothing_through(words in command()) {
        let executed = argv(&words);
        let text = joined(&words);
        for wrapped in [
            format!("env {text}"),
            format!("timeout 5 {text}"),
            format!("sh -c {}", quoted(&text)),
            format!("bash -lc {}", quoted(&format!("cd x && {text}"))),
            format!("true; {text} | cat"),
            format!("if x; then {text}; fi"),
            format!("x=$({text})"),
            format!("eval {}", quoted(&text)),
            format!("f() {{ {text}; }}; f"),
            format!("echo {} | sh", quoted(&text)),
            format!("set -- {text}; \"$@\""),
            format!("a=({text}); \"${{a[@]}}\""),
        ] {
            prop_assert_eq!(shell(&wrapped).is_refused(), executed.is_refused(), "{}", wrapped);
        }
    }

    #[test]
    fn a_name_may_be_a_path(words in command()) {
        let mut path = words.clone();
        path[0] = "/usr/lib/git-core/git".to_owned();
        let (executed, by_path) = (argv(&words), argv(&path));
        prop_assert_eq!(found(&executed), found(&by_path));
    }
}

#[test]
fn bytes_that_are_no_text_hide_nothing() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let words: [&[u8]; 5] = [b"git", b"push", b"-o", b"\xff\xfe", b"--force"];
    assert!(argv(&words.map(OsStr::from_bytes)).is_refused());
    let words: [&[u8]; 4] = [b"git", b"push", b"origin", b"+\xff"];
    assert!(argv(&words.map(OsStr::from_bytes)).is_refused());
    let words: [&[u8]; 3] = [b"git", b"clean", b"-f\xff"];
    assert!(argv(&words.map(OsStr::from_bytes)).is_refused());
}

/// A switch that is off takes away what its group found, and nothing else.
#[test]
fn a_switch_governs_its_group_and_no_other() {
    for group in Group::ALL {
        let Some(name) = group.switch() else {
            continue;
        };
        let text =
            format!(r#"{{"schema": 1, "action": "block", "switches": {{"{name}": false}}}}"#);
        let policy = Policy::parse(text.as_bytes()).unwrap();
        for row in rows(SHELL) {
            let text = row.command.replace('␤', "\n");
            let mut all = shell(&text).findings;
            all.retain(|finding| finding.group != group);
            assert_eq!(
                evaluate_shell(&text, &Unknown, &policy).findings,
                all,
                "{text}"
            );
        }
        for row in rows(ARGV) {
            let words = words(row.command);
            let mut all = argv(&words).findings;
            all.retain(|finding| finding.group != group);
            assert_eq!(
                evaluate_argv(&words, &Unknown, &policy).findings,
                all,
                "{words:?}"
            );
        }
    }
}

#[test]
fn warnings_and_permission_find_the_same() {
    let warn = Policy::parse(br#"{"schema": 1, "action": "warn"}"#).unwrap();
    let allow = Policy::parse(br#"{"schema": 1, "action": "allow"}"#).unwrap();
    let verdict = evaluate_shell("git push -f", &Unknown, &warn);
    assert_eq!(verdict.decision, scc_safety::Decision::Warn);
    assert_eq!(verdict.findings, shell("git push -f").findings);
    let verdict = evaluate_shell("git push -f; (", &Unknown, &allow);
    assert_eq!(verdict.decision, scc_safety::Decision::Allow);
    let off = Policy {
        switches: Switches::all(false),
        ..Policy::default()
    };
    assert!(!evaluate_shell("$X; (", &Unknown, &off).is_refused());
}

/// Every command that a rule suggests is itself allowed.
#[test]
fn alternatives_are_allowed() {
    let mut commands = 0;
    for rule in rules() {
        let texts = rule.alternative.unwrap_or_default().split('`');
        for command in texts.skip(1).step_by(2) {
            let verdict = shell(command);
            assert!(!verdict.is_refused(), "{}: `{command}`", rule.id);
            commands += 1;
        }
    }
    assert!(commands >= rules().len() * 3 / 4, "{commands} commands");
}

/// Every rule is found by a row of the table, so that none is there for nothing.
#[test]
fn every_rule_is_shown_by_a_row() {
    let mut seen: Vec<RuleId> = vec![];
    for row in rows(SHELL) {
        let found = shell(&row.command.replace('␤', "\n")).findings;
        seen.extend(found.into_iter().map(|finding| finding.rule));
    }
    for row in rows(ARGV) {
        seen.extend(
            argv(&words(row.command))
                .findings
                .into_iter()
                .map(|finding| finding.rule),
        );
    }
    // Shown by tests/bounds.rs and tests/world.rs; the last two are the guard's.
    let elsewhere = [
        "shell.too-long",
        "shell.too-deep",
        "shell.too-complex",
        "git.alias-too-deep",
        "git.config-unreadable",
        "git.update-ref.overwrite",
        "policy.unusable",
        "record.full",
    ];
    for rule in rules() {
        let shown = seen.contains(&rule.id) || elsewhere.contains(&rule.id.as_str());
        assert!(shown, "{}", rule.id);
    }
}

#[test]
fn the_offending_words_are_named_with_their_place() {
    let text = "é; git -C x push --quiet --force origin main";
    let verdict = shell(text);
    let [finding] = verdict.findings.as_slice() else {
        panic!("{verdict:?}");
    };
    assert_eq!(&text[finding.span.clone()], "push --quiet --force");
    assert!(
        finding.reason.starts_with("`push --force` overwrites"),
        "{}",
        finding.reason
    );
    assert_eq!(
        finding.command.join(" "),
        "git -C x push --quiet --force origin main"
    );

    let text = "echo a; bash -c 'git push --force'";
    let span = shell(text).findings[0].span.clone();
    assert_eq!(&text[span], "'git push --force'");

    let span = argv(&["git", "push", "origin", "-f"]).findings[0]
        .span
        .clone();
    assert_eq!(span, 1..4);
}

/// An agent reads all of a refusal.
#[test]
fn what_is_shown_of_a_command_is_bounded() {
    let long = "x".repeat(100_000);
    let many: Vec<_> = (0..100_000).map(|number| number.to_string()).collect();
    for words in [
        vec!["git", "push", "--force", &long],
        ["git", "push", "--force"]
            .into_iter()
            .chain(many.iter().map(String::as_str))
            .collect(),
    ] {
        let verdict = argv(&words);
        assert!(verdict.is_refused());
        assert!(
            verdict.to_string().len() < 4000,
            "{}",
            verdict.to_string().len()
        );
        let command = verdict.findings[0].command.join(" ");
        assert!(command.starts_with("git push --force ") && command.ends_with('…'));
    }
}

#[test]
fn nothing_that_is_shown_acts_on_a_terminal() {
    let words = ["git", "push", "+\u{202e}a\u{1b}[2J\u{200d}\u{feff}", "-f"];
    let shown = argv(&words).to_string();
    let shown = shown + &argv(&["git", "push", "o", "+\u{202e}\u{9b}"]).to_string();
    assert!(shown.contains("\\u{202e}"), "{shown}");
    let acts = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{200d}\u{feff}".contains(c);
    assert!(!shown.contains(acts), "{shown:?}");
}

#[test]
fn a_text_that_cannot_be_read_has_no_empty_name() {
    let shown = shell("git push (").to_string();
    assert!(
        shown.starts_with("scc refused the command (shell.unparsable)"),
        "{shown}"
    );
}
