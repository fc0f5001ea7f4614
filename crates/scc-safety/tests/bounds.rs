//! Texts that are too much: each is refused, and soon: none of these would end otherwise.

use scc_safety::{Decision, Policy, Unknown, evaluate_argv, evaluate_shell};

/// The rules by which a text is refused.
fn refused_by(text: &str) -> Vec<String> {
    let verdict = evaluate_shell(text, &Unknown, &Policy::default());
    verdict
        .findings
        .iter()
        .map(|finding| finding.rule.to_string())
        .collect()
}

#[test]
fn long_texts() {
    let text = format!("# {}", "x".repeat(32 * 1024 - 2));
    assert_eq!(refused_by(&text), Vec::<String>::new());
    assert_eq!(refused_by(&format!("{text}x")), ["shell.too-long"]);
}

#[test]
fn deep_texts() {
    for (open, inner, close) in [
        ("{ ", "a", "; }"),
        ("( ", "a", " )"),
        ("if ", "a", "; then b; fi"),
        ("while a; do ", "b", "; done"),
        ("case a in a) ", "b", ";; esac"),
        ("for a in b; do ", "c", "; done"),
        ("a $(", "b", ")"),
        ("a \"$(", "b", ")\""),
        ("a ${x:-", "b", "}"),
        ("a <(", "b", ")"),
        ("a $((", "1", "))"),
        ("((", "1", "))"),
        ("a {b,", "c", "}"),
        ("f() { ", "a", "; }"),
        ("[[ ( ", "a", " ) ]]"),
        ("coproc ", "a", ""),
        ("[[ ", "a", " ]]"),
        ("! ", "a", ""),
        ("time ", "a", ""),
        ("[[ ! a && ", "b ]]", ""),
        ("a ${x[", "1", "]}"),
        ("eval ", "a", ""),
        ("`", "a", "`"),
    ] {
        // Each has to end: refused, or judged to be harmless.
        for depth in [1_usize, 10, 100, 1000, 5000] {
            let text = open.repeat(depth) + inner + &close.repeat(depth);
            let unclosed = open.repeat(depth);
            if text.len() <= 32 * 1024 {
                refused_by(&text);
                refused_by(&unclosed);
            }
        }
    }
    for (start, part, end) in [
        ("[[ ", "! ", "x ]]"),
        ("[[ ", "!\n", "x ]]"),
        ("[[ ", "! \\\n", "x ]]"),
        ("", "! ", "x"),
        ("[[ a", " && a", " ]]"),
        ("[[ a", " || a", " ]]"),
        ("a", " && a", ""),
        ("a", " || a", ""),
        ("a", " | a", ""),
        ("time", " time", " a"),
        ("echo $((", "-", "1))"),
        ("echo $((", "- ", "1))"),
        ("echo $((", "!", "1))"),
        ("echo $((", "~", "1))"),
        ("echo $((1", "?1:1", "))"),
        ("echo $((a", "=a", "))"),
        ("echo $((1", "**1", "))"),
        ("echo $((1", "+1", "))"),
        ("echo $((1", ",1", "))"),
        ("(( ", "!", "1 ))"),
        ("a", "=a", ""),
        ("f() ", "f() ", "{ a; }"),
        ("case a in ", "a|", "a) b;; esac"),
        ("a ", "{a,", ""),
        ("a ", "<<a ", ""),
        ("if a; then b", "; elif a; then b", "; fi"),
    ] {
        // As long as a text may be; a stack that overflows ends the process.
        let count = (32 * 1024 - start.len() - end.len()) / part.len();
        refused_by(&format!("{start}{}{end}", part.repeat(count)));
    }
    let negated = format!("[[ {}x ]]", "! ".repeat(16_000));
    assert_eq!(refused_by(&negated), ["shell.too-deep"]);
    assert_eq!(refused_by("[[ ! ! ! x ]]"), Vec::<String>::new());
    let deep = "( ".repeat(5000) + "a" + &" )".repeat(5000);
    assert_eq!(refused_by(&deep), ["shell.too-deep"]);
    let deep = "( ".repeat(100) + "git push -f" + &" )".repeat(100);
    assert_eq!(refused_by(&deep), ["shell.too-deep"]);
    // The parser would take hours.
    assert_eq!(refused_by(&"((a=(".repeat(20)), ["shell.too-deep"]);
    let deep = "( ".repeat(14) + "git push -f" + &" )".repeat(14);
    assert_eq!(refused_by(&deep), ["git.push.force"]);
}

#[test]
fn texts_that_run_forever() {
    assert_eq!(refused_by("f() { f; }; f"), ["shell.too-deep"]);
    assert_eq!(
        refused_by("alias a='b'; alias b='a'; a"),
        Vec::<String>::new()
    );
    let doubling = "a=xxxxxxxxxxxxxxxx\n".to_owned() + &"a=$a$a\n".repeat(60) + "echo $a";
    assert_eq!(refused_by(&doubling), ["shell.too-complex"]);
    let loops: String = ["a", "b", "c", "d", "e", "f"]
        .map(|name| format!("for {name} in a b c d e f g h i j; do "))
        .concat();
    let loops = loops + "echo x" + &"; done".repeat(6);
    assert_eq!(refused_by(&loops), ["shell.too-complex"]);
    assert_eq!(
        refused_by("echo {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"),
        ["shell.too-complex"]
    );
    // A list is copied whenever something is added to it.
    assert_eq!(refused_by(&"a+=(b);".repeat(4000)), ["shell.too-complex"]);
    let changed = format!("a=({});{}", "b ".repeat(5000), "a[1]=c;".repeat(2000));
    assert_eq!(refused_by(&changed), ["shell.too-complex"]);
    assert_eq!(refused_by(&"a+=(b);".repeat(500)), Vec::<String>::new());
    let both = refused_by("f() { f $1$1 | f $1; }; f aaaa");
    assert!(both.contains(&"shell.too-complex".to_owned()), "{both:?}");
}

/// The parser takes these exponential time, or panics.
#[test]
fn texts_that_the_parser_cannot_bear() {
    let index = "${x[".repeat(30) + "1" + &"]}".repeat(30);
    refused_by(&format!("echo {index}"));
    refused_by(&format!("a[{index}]=1"));
    refused_by(&format!("a={index}"));
    refused_by(&format!("{index}=1"));
    refused_by("a[${x:-~+99999999999999999999999}]=1");
    refused_by("echo {1..99999999999999999999999}");
    refused_by("echo {-9223372036854775808..9223372036854775807..9223372036854775807}");
    refused_by("echo ~+99999999999999999999999");
    assert_eq!(
        refused_by("echo 4444444444444444444444<x"),
        ["shell.unparsable"]
    );
    refused_by(&format!("(( {} ))", "a[".repeat(40)));
    refused_by(&format!("a{}=1", "[a".repeat(40)));
}

/// The parser would take all memory.
#[test]
fn here_documents_up_to_an_empty_line() {
    for text in [
        "cat <<\"\" ",
        "cat <<'' x\t",
        "cat <<-\"\" x #",
        "cat << \"\"''|a ",
        "cat <<$\"\" ",
        "cat <<-\r x ",
        "cat <<\"$(( &(a)",
        "cat <<$(( &(a)",
        "cat <<x$(( &(a)",
        "cat <<\"x $(( (a)",
        "cat << '$(( <(a)",
        "cat <<$((1))$(( (a)",
        "x<<<<<a\"<<<a\"+o%n::W$(  o ",
        "cat <<x$(a",
        "cat <<x${a",
        "cat <<x`a",
        "cat <<$[1",
        "cat <<\\\n\"\" ",
        "cat <<\"\\\n\" ",
        "x=$(cat <<\"\" y )",
        "cat <<<<<\"\" ",
        "cat \\<<<\"\" x",
        "cat <<\"'\" x",
        "x=$(cat << <<<,a",
        "x=$(cat << ;a",
        "x=$(cat <<  E",
        "x=$(cat <<-\t)",
        "x=$[ $[1]a << (b",
        "eval \"$(/c << <<<<,<<<.f\0\u{14}\0h =h)\"h ",
    ] {
        assert_eq!(refused_by(text), ["shell.unparsable"], "{text:?}");
    }
    for text in [
        "cat <<E\nE\n",
        "cat <<\"E\"\n\nE\n",
        "cat <<'$'\n$\n",
        "cat <<'$'\n$\n",
        "cat <<<\"x\" y",
        "cat <<<\"\" y",
        "x=$(cat << E\nE\n)",
        "x=$(cat <<-E\nE\n)",
        "echo \"a <<$((1 + 2))>>\"",
        "cat <<E\n$((1 + 2))\nE\n",
        "echo $((1 << (n - 1)))",
        "echo $((1 << $(nproc)))",
        "echo \"a <<$(date)\"",
        "echo \"a <<${a}`date`\"",
        "echo $(( ${a} + $n << (n) ))",
        "echo $(a) $((1 <<  2)) $((n << 4))",
        "(( x = 1 << (n) ))",
        "echo $[1 << (2)]",
    ] {
        assert_eq!(refused_by(text), Vec::<String>::new(), "{text:?}");
    }
}

/// Tools hand over as many paths as fit on a command line.
#[test]
fn any_number_of_paths_is_judged() {
    let paths: Vec<_> = (0..100_000)
        .map(|number| format!("src/file-{number}.rs"))
        .collect();
    let words = ["git", "add", "--"]
        .into_iter()
        .chain(paths.iter().map(String::as_str));
    let words: Vec<_> = words.collect();
    let verdict = evaluate_argv(&words, &Unknown, &Policy::default());
    assert_eq!(verdict.decision, Decision::Allow, "{verdict}");
}

/// Builtins without what they need.
#[test]
fn nothing_is_sourced() {
    for text in [
        "echo git push -f >\"\"; source",
        "echo a >''; .",
        "source",
        ".",
    ] {
        assert_eq!(refused_by(text), Vec::<String>::new(), "{text:?}");
    }
}
