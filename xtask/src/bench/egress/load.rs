//! Requests through the proxy, against the same without it, and what the proxy takes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::super::report;
use super::world::{CLIENT, LARGE, LISTED, Talk, World};
use crate::run::{Outcome, say};

pub(super) const PROXY: &str = "127.0.0.1:3128";
const TUNNELS: &str = "100";

/// The client runs in the sandbox, and for comparison in a container in the network of the server.
/// Either way it asks the same server, by a new connection for each request: without TLS, and in a
/// tunnel, whose content is not encrypted here, so that nothing of a client's or server's own work
/// counts.
pub(super) fn requests(world: &World) -> Outcome<()> {
    let proxy = world.engine.proxies(world.context.namespace());
    let id = proxy.first().and_then(|proxy| proxy["Id"].as_str());
    let id = id.ok_or("no proxy runs")?;
    memory(world, id, "idle")?;
    let words = ["load", PROXY, world.internet.hosts(), LISTED];
    let client = world.client(&words);
    let client: Vec<_> = client.iter().map(String::as_str).collect();
    let (direct, through) = (direct(world), world.output(&client)?);
    let (direct, through) = (times(&direct)?, times(&through)?);
    for (key, what) in [
        ("plain", "a request without TLS"),
        ("tunnel", "a request in a tunnel"),
    ] {
        let (direct, through) = (direct[key], through[key]);
        report(&format!("{what}, direct"), direct);
        report(&format!("{what}, proxy"), through);
        report("what the proxy adds", through.saturating_sub(direct));
    }
    for (key, what) in [
        ("plain-large", "without TLS"),
        ("tunnel-large", "in a tunnel"),
    ] {
        rate(&format!("large answer {what}, direct"), direct[key]);
        rate(&format!("large answer {what}, proxy"), through[key]);
    }
    memory(world, id, "after that load")?;
    let words = ["tunnels", PROXY, world.internet.hosts(), LISTED, TUNNELS];
    let client = world.client(&words);
    let client: Vec<_> = client.iter().map(String::as_str).collect();
    let mut tunnels = Talk::with(world.command(&client))?;
    tunnels.hear("open")?;
    memory(world, id, &format!("with {TUNNELS} tunnels open"))?;
    tunnels.end()
}

/// What the client prints in a container that nothing is in front of.
fn direct(world: &World) -> String {
    let hosts = world.internet.hosts();
    let body = json!({
        "Image": world.image,
        "Entrypoint": ["perl", "-e", CLIENT, "load", "direct", hosts, LISTED],
        "Cmd": [],
        "User": "0:0",
        "HostConfig": { "NetworkMode": world.internet.network() },
    });
    world.engine.run_container(&body, |_| ()).1
}

/// The client's lines, each with a name and nanoseconds.
fn times(text: &str) -> Outcome<BTreeMap<&str, Duration>> {
    let found: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| {
            let (key, nanos) = line.trim().split_once(' ')?;
            Some((key, Duration::from_nanos(nanos.parse().ok()?)))
        })
        .collect();
    match found.len() {
        4 => Ok(found),
        _ => Err(format!("the requests could not be measured: {text}")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn rate(name: &str, time: Duration) {
    let megabytes = LARGE as f64 / 1e6 / time.as_secs_f64();
    say(&format!("{name:<40} median {megabytes:>7.0} MB/s"));
}

/// What the container of the proxy takes, as the engine counts it, without files that the kernel can
/// read again.
#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn memory(world: &World, id: &str, when: &str) -> Outcome<()> {
    let path = format!("/containers/{id}/stats?stream=false&one-shot=true");
    let found = &world.engine.get(&path)["memory_stats"];
    let usage = found["usage"].as_u64().ok_or("no memory in the answer")?;
    let details = &found["stats"];
    let files = ["total_inactive_file", "inactive_file"].map(|key| details[key].as_u64());
    let files = files.into_iter().flatten().next().unwrap_or_default();
    let mebibytes = usage.saturating_sub(files) as f64 / f64::from(1 << 20);
    let name = format!("memory of the proxy, {when}");
    say(&format!("{name:<40}        {mebibytes:>7.1} MiB"));
    Ok(())
}
