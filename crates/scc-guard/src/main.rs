//! The guard: what stands in a sandbox at the places of git and of the network tools.
//!
//! One static program. Which tool it stands for, it takes from the kernel's name of its own file
//! (`/proc/self/exe`), not from what the caller calls it. There it judges the arguments with
//! `scc-safety` and the policy of the sandbox, and becomes the real tool or refuses with status 126.
//! Under its own name it is a command: `guard hook` judges what an agent is about to do (`--outside`
//! where there is no sandbox of scc), `guard collect` records what was refused, `guard init` is the
//! first process of a sandbox, `guard install` is a step of an image's build, and `guard relay` and
//! `guard probe` are those of `scc-relay`; `guard facts` says what the sandbox is, and `guard server`
//! starts an MCP server.
//!
//! Every state that it does not expect is a refusal: no policy, a policy that others could have
//! written, an internal failure.

#![cfg_attr(not(test), no_main)]
#![cfg_attr(test, expect(dead_code, reason = "tests have the usual main"))]

#[cfg(test)]
mod alternatives;
mod facts;
mod hook;
mod init;
mod install;
mod lineage;
mod policy;
mod process;
mod record;
mod redact;
mod refusal;
mod server;
mod shim;
mod signals;
mod tools;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use install::Installation;
use process::Invocation;
use tools::{GUARD, REAL, Tool};

/// The exit status of a command line that the guard does not understand.
const USAGE: u8 = 2;

/// What adds a host to those that a proxy lets through.
const LIVE: [&str; 4] = ["live", "live-detach", "live-expire", "live-withdraw"];
/// What joins a sandbox to its proxy.
const RELAY: [&str; 3] = ["relay", "relay-detach", "relay-serve"];

/// The whole program; the number is the exit status.
fn run(invocation: &Invocation) -> u8 {
    let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(invocation)));
    outcome.unwrap_or_else(|_| shim::refuse_unjudged(&invocation.args, "the guard failed"))
}

fn dispatch(invocation: &Invocation) -> u8 {
    let file = match std::fs::read_link("/proc/self/exe") {
        Ok(file) => file,
        Err(error) => {
            let why = format!("`/proc/self/exe` cannot be read: {error}");
            return shim::refuse_unjudged(&invocation.args, &why);
        }
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match Tool::named(&name) {
        Some(tool) => shim::run(tool, invocation),
        None => command(invocation),
    }
}

/// Under the guard's own name.
fn command(invocation: &Invocation) -> u8 {
    let words = invocation.args.get(1..).unwrap_or_default();
    match words {
        [word] if word == "hook" => hook::run(hook::Place::Sandbox),
        [word, flag] if word == "hook" && flag == "--outside" => hook::run(hook::Place::Outside),
        [word] if word == "collect" => told("the collector ended", record::collect()),
        [word, sealed @ ..] if word == "facts" => told("a fact is missing", facts(sealed)),
        [word, script] if word == "server" => {
            told("the server cannot be started", Err(server::run(script)))
        }
        [word, uid] if word == "install" => install(&uid.to_string_lossy()),
        [word, rest @ ..] if word == "init" => init::run(rest).unwrap_or_else(usage),
        [word, ..] if LIVE.iter().any(|name| word == name) => scc_relay::live::run(words),
        [word, ..] if word == "probe" => scc_relay::probe::run(words),
        [word, ..] if RELAY.iter().any(|name| word == name) => scc_relay::relay::run(words),
        _ => usage(),
    }
}

fn usage() -> u8 {
    let commands = "hook [--outside] | collect | facts DIRECTORY… | install UID | server SCRIPT | \
                    init [--until MILLISECONDS] -- PROGRAM ARGS";
    refusal::say(&format!("usage: guard {commands}\n"));
    USAGE
}

/// A step of the build of an image, as root; `uid` is the collector's user.
#[expect(
    clippy::disallowed_methods,
    reason = "the image says where its programs are"
)]
fn install(uid: &str) -> u8 {
    let path = std::env::var_os("PATH");
    let here = Installation::here(Path::new(GUARD), Path::new(REAL), path.as_deref());
    let installed = here
        .run()
        .and_then(|()| install::own_directory(Path::new(record::DIRECTORY), uid));
    told("the guard cannot be installed", installed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "where programs are found depends on it"
)]
fn facts(sealed: &[std::ffi::OsString]) -> std::io::Result<()> {
    facts::run(sealed, std::env::var_os("PATH").as_deref())
}

fn told(what: &str, outcome: std::io::Result<()>) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            refusal::say(&format!("{what}: {error}\n"));
            1
        }
    }
}
