//! A workspace behind a proxy, and a stand-in for the internet.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use scc_testkit::context::TestContext;
use scc_testkit::engine::Engine;
use scc_testkit::internet::{Internet, Port};
use serde_json::{Value, json};

use crate::run::Outcome;

/// The policies that are compared.
pub(super) const OPEN: &str = "open";
pub(super) const ENFORCED: &str = "web-egress-enforced";
/// A host on the list, and one that is not.
pub(super) const LISTED: &str = "listed.test";
pub(super) const ASKED: &str = "asked.test";
/// How large the large answer is, in bytes.
pub(super) const LARGE: usize = 128 << 20;
/// What a small one is.
const SMALL: [u8; 100] = [b'x'; 100];
const CHUNK: usize = 1 << 20;

pub(super) struct World {
    pub(super) context: TestContext,
    pub(super) engine: Engine,
    pub(super) internet: Internet,
    /// The image of the sandbox.
    pub(super) image: String,
    scc: PathBuf,
}

impl World {
    pub(super) fn new(scc: &Path, engine: &Engine) -> Outcome<Self> {
        let context = TestContext::new();
        let internet = Internet::new(engine, context.namespace());
        let mut world = Self {
            context,
            engine: engine.clone(),
            internet,
            image: String::new(),
            scc: scc.to_owned(),
        };
        world.context.configure(&json!({
            "images": { "base": engine.base_image() },
            "standalone": false,
            "organization": { "source": world.context.path("org.yaml") },
            "provider": "script",
            "providers": { "script": { "api_key": "command:echo k" } },
        }));
        world.rule(OPEN)?;
        let plan = world.json(&["start", "--dry-run", "--json"])?;
        let image = plan["data"]["image"]["reference"].as_str();
        world.image = image.ok_or("no image in the plan")?.to_owned();
        // Makes the images.
        for policy in [OPEN, ENFORCED] {
            world.rule(policy)?;
            world.run(&["start", "--", "true"])?;
        }
        let ports = servers(world.internet.machine())?;
        let zone = [LISTED, ASKED].map(|name| format!("{name}={}", world.internet.hosts()));
        world.internet.start(&world.image, &zone, &ports);
        Ok(world)
    }

    /// From now on this policy counts for what is started.
    pub(super) fn rule(&self, policy: &str) -> Outcome<()> {
        let text = format!(
            "schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\ndefaults:\n  \
             network_policy: {policy}\n  network: {{allowed_hosts: [{LISTED}], allow_requests: true}}\n"
        );
        std::fs::write(self.context.path("org.yaml"), text).map_err(|error| error.to_string())
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command =
            super::super::command(&self.context, &self.scc, &self.engine.host(), args);
        command
            .env("SCC_EGRESS_NETWORK", self.internet.network())
            .env("SCC_EGRESS_DNS", self.internet.hosts());
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Outcome<()> {
        self.output(args).map(|_| ())
    }

    fn json(&self, args: &[&str]) -> Outcome<Value> {
        serde_json::from_str(&self.output(args)?).map_err(|error| error.to_string())
    }

    /// What a command prints that has to succeed.
    pub(super) fn output(&self, args: &[&str]) -> Outcome<String> {
        let output = self.command(args).stderr(Stdio::piped()).output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("scc {}: {output:?}", args.join(" "))),
        }
    }

    /// A running session in this repository.
    pub(super) fn session(&self, workspace: &Path) -> Outcome<Talk> {
        let args = [
            "start",
            "--non-interactive",
            "--",
            "sh",
            "-c",
            "echo ready; exec sleep 100000",
        ];
        let mut start = self.command(&args);
        start.current_dir(workspace);
        let mut talk = Talk::with(start)?;
        talk.hear("ready")?;
        Ok(talk)
    }

    /// The client, in the session of the workspace.
    pub(super) fn client(&self, words: &[&str]) -> Vec<String> {
        let workspace = self.context.workspace().display().to_string();
        let exec = ["exec", &workspace, "--", "perl", "-e", CLIENT];
        exec.iter().chain(words).map(|&w| w.to_owned()).collect()
    }
}

/// Makes requests; see there for its words.
pub(super) const CLIENT: &str = include_str!("client.pl");

impl Drop for World {
    fn drop(&mut self) {
        self.engine.clean(self.context.namespace());
    }
}

/// A command that says something now and then. It ends with this value.
pub(super) struct Talk {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    pub(super) fn with(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let lines = BufReader::new(stdout).lines();
        Ok(Self { child, lines })
    }

    /// Waits for this line.
    pub(super) fn hear(&mut self, line: &str) -> Outcome<()> {
        let mut heard = String::new();
        while heard != line {
            let next = self.lines.next().ok_or(format!("`{line}` was not said"))?;
            heard = next.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets it end, and waits for that.
    pub(super) fn end(mut self) -> Outcome<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("the client: {status}")),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Servers of this process behind the ports of the web. What is behind 443 does as one with TLS, as far
/// as a relay can tell, without the work of one.
fn servers(address: &str) -> Outcome<[Port; 2]> {
    let serve = |outside| {
        let listener = TcpListener::bind((address, 0)).map_err(|error| error.to_string())?;
        let inside = listener.local_addr().map_err(|error| error.to_string())?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream, outside == 80));
            }
        });
        Ok::<_, String>(Port {
            outside,
            inside: inside.port(),
        })
    };
    Ok([serve(80)?, serve(443)?])
}

fn answer(mut stream: TcpStream, has_head: bool) -> std::io::Result<()> {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    let end: &[u8] = if has_head { b"\r\n\r\n" } else { b"\n" };
    let asks = |request: &[u8], word: &str| request.windows(6).any(|part| part == word.as_bytes());
    let known = |request: &[u8]| {
        ["/small", "/large", "/hold\n"]
            .iter()
            .any(|w| asks(request, w))
    };
    while !(known(&request) && request.ends_with(end)) {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&chunk[..count]),
        }
    }
    if asks(&request, "/hold\n") {
        return std::io::copy(&mut stream, &mut std::io::sink()).map(|_| ());
    }
    let is_large = asks(&request, "/large");
    if has_head {
        let length = if is_large { LARGE } else { SMALL.len() };
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
        stream.write_all(format!("{head} {length}\r\n\r\n").as_bytes())?;
    }
    if !is_large {
        return stream.write_all(&SMALL);
    }
    let chunk = vec![0; CHUNK];
    (0..LARGE / CHUNK).try_for_each(|_| stream.write_all(&chunk))
}
