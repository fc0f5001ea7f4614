//! `scc` alone, and the offer to leave a branch that others build on.

use std::path::Path;

use scc_testkit::context::{Run, TestContext};
use scc_testkit::picture;
use scc_testkit::pty::Terminal;

use crate::support::{
    LIMIT, SCC, Session, command, context, go_on_here, list, remember_earlier, scc, sessions,
};

fn terminal(context: &TestContext, dir: &Path, args: &[&str]) -> Terminal {
    let mut scc = context.command(SCC.as_ref());
    scc.args(args).current_dir(dir);
    Terminal::start(&scc, 24, 100)
}

fn git(context: &TestContext, dir: &Path, args: &[&str]) -> String {
    let mut git = context.command("git".as_ref());
    git.args(["-c", "safe.directory=*"]).args(args);
    let output = git.current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Ends the scripted agent and its scc.
fn quit(mut terminal: Terminal) {
    terminal.send("quit 0\r");
    assert_eq!(terminal.wait(LIMIT), 0, "{}", terminal.screen());
}

/// The first time it starts; the next time it offers what there was.
#[test]
fn it_goes_on_where_the_work_was_left() {
    let context = context();
    scc(&context, &["sessions", "prune", "--all", "-y"]).ok();
    let ws = context.workspace();
    let mut first = terminal(&context, &ws, &[]);
    go_on_here(&mut first);
    first.wait_for_text("agent: ready", LIMIT);
    first.send("hello\r");
    first.wait_for_text("agent: hello", LIMIT);
    quit(first);

    let mut second = terminal(&context, &ws, &[]);
    second.wait_for_text("Go on in ws?", LIMIT);
    second.wait_for_text("script  main", LIMIT);
    second.wait_for_text("ended (0)", LIMIT);
    second.wait_for_text("A new session", LIMIT);
    second.send("\r");
    second.wait_for_text("agent: earlier: hello", LIMIT);
    second.hang_up();
    second.wait(LIMIT);

    // Its agent goes on without a terminal, and is returned to.
    let id = list(&context)[0]["id"].clone();
    let mut third = terminal(&context, &ws, &[]);
    third.wait_for_text("running", LIMIT);
    third.send("\r");
    third.wait_for_text("attached to", LIMIT);
    third.send("again\r");
    third.wait_for_text("agent: again", LIMIT);
    assert_eq!(list(&context)[0]["id"], id);
    quit(third);

    let mut fourth = terminal(&context, &ws, &[]);
    fourth.wait_for_text("A new session", LIMIT);
    fourth.send("new session\r");
    go_on_here(&mut fourth);
    fourth.wait_for_text("agent: ready", LIMIT);
    assert!(
        !fourth.screen().contains("agent: earlier"),
        "{}",
        fourth.screen()
    );
    quit(fourth);
    assert_eq!(sessions(&context).as_array().unwrap().len(), 2);
}

/// The picture of the offer in the documentation is what is on the screen.
#[test]
fn the_picture_of_the_offer_is_fresh() {
    let context = context();
    scc(&context, &["sessions", "prune", "--all", "-y"]).ok();
    let shop = context.repository("home/src/shop");
    let mut start = command(&context, &["start", "--session", "checkout"]);
    start.args(["--", "sleep", "1000"]).current_dir(&shop);
    let _running = Session::of(&context, start);
    let earlier = [
        ("invoices", "src/shop", "main", 3),
        ("payments", "src/shop", "scc/payments", 50),
    ];
    remember_earlier(&context, &earlier);
    let mut quick = Terminal::start(context.command(SCC.as_ref()).current_dir(&shop), 7, 80);
    quick.wait_for_text("Go on in shop?", LIMIT);
    quick.wait_for_text("type to filter]", LIMIT);
    let svg = quick.look(|screen| picture::svg(screen, "scc: going on"));
    // How old the running one is when the picture is taken is chance.
    let ages = (0..60).map(|age| format!("{age}s ago"));
    let svg = ages.fold(svg, |svg, age| {
        svg.replace(&format!(" {age:<7} "), " 8s ago  ")
    });
    picture::check("quick-resume", &svg);
    quick.send("\x1b");
    assert_eq!(quick.wait(LIMIT), 130, "{}", quick.screen());
}

/// Work in the repository's worktrees is offered, too, and goes on there.
#[test]
fn it_offers_the_work_of_all_worktrees() {
    let context = context();
    scc(
        &context,
        &["worktree", "create", "topic", "--", "true", "there"],
    )
    .ok();
    let mut quick = terminal(&context, &context.workspace(), &[]);
    quick.wait_for_text("scc/topic", LIMIT);
    quick.send("topic\r");
    quick.wait_for_text("agent: earlier: true there", LIMIT);
    quit(quick);
    let latest = &sessions(&context)[0];
    assert_eq!(latest["branch"], "scc/topic");
}

/// What is to be forgotten is not offered, and can still be asked for.
#[test]
fn what_was_cleared_is_not_offered() {
    let context = context();
    scc(&context, &["start", "--", "true", "before"]).ok();
    scc(&context, &["context", "clear", "-y"]).ok();
    let mut quick = terminal(&context, &context.workspace(), &[]);
    go_on_here(&mut quick);
    quick.wait_for_text("agent: ready", LIMIT);
    quit(quick);
    let resumed = scc(&context, &["start", "--resume", "--", "true"]).ok();
    assert_eq!(
        resumed.stdout, "agent: earlier: true before\n",
        "{resumed:?}"
    );
}

#[test]
fn without_a_terminal_it_says_what_to_type() {
    let context = context();
    let run = Run::of(&command(&context, &[]).output().unwrap());
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("scc start --resume"), "{run:?}");
}

#[test]
fn outside_a_workspace_it_shows_the_dashboard() {
    let context = context();
    let mut quick = terminal(&context, &context.path("home"), &[]);
    quick.wait_for_text("no workspace: neither", LIMIT);
    quick.send("q");
    assert_eq!(quick.wait(LIMIT), 0);
}

#[test]
fn a_protected_branch_is_left_if_the_user_likes() {
    let context = context();
    let ws = context.workspace();
    let ask = |answer: &str| {
        let mut start = terminal(&context, &ws, &["start"]);
        start.wait_for_text("You are on main, which others build on", LIMIT);
        start.send(answer);
        start
    };
    let mut start = ask("new worktree\r");
    start.wait_for_text("Name of the worktree:", LIMIT);
    start.send("Topic A\r");
    start.wait_for_text("agent: ready", LIMIT);
    quit(start);
    assert_eq!(sessions(&context)[0]["branch"], "scc/topic-a");
    assert_eq!(git(&context, &ws, &["branch", "--show-current"]), "main\n");

    let start = ask("Always go on\r");
    start.wait_for_text("agent: ready", LIMIT);
    quit(start);
    let start = terminal(&context, &ws, &["start"]);
    start.wait_for_text("agent: ready", LIMIT);
    quit(start);
    scc(&context, &["context", "clear", "-y"]).ok();

    std::fs::write(ws.join("README"), "work in progress\n").unwrap();
    let mut start = ask("new branch\r");
    start.wait_for_text("Name of the branch:", LIMIT);
    start.send("topic-b\r");
    start.wait_for_text("agent: ready", LIMIT);
    quit(start);
    assert_eq!(
        git(&context, &ws, &["branch", "--show-current"]),
        "scc/topic-b\n"
    );
    let changed = git(&context, &ws, &["diff", "--name-only"]);
    assert_eq!(changed, "README\n");
    assert_eq!(sessions(&context)[0]["branch"], "scc/topic-b");

    git(&context, &ws, &["switch", "-q", "main"]);
    let mut start = ask("Cancel\r");
    assert_eq!(start.wait(LIMIT), 130);
}

/// The picture of that offer in the documentation is what is on the screen.
#[test]
fn the_picture_of_a_protected_branch_is_fresh() {
    let context = context();
    let mut start = context.command(SCC.as_ref());
    start.arg("start").current_dir(context.workspace());
    let mut start = Terminal::start(&start, 9, 80);
    start.wait_for_text("type to filter]", LIMIT);
    let svg = start.look(|screen| picture::svg(screen, "scc start: on a protected branch"));
    picture::check("protected-branch", &svg);
    start.send("\x1b");
    assert_eq!(start.wait(LIMIT), 130, "{}", start.screen());
}
