//! The container engine of a task: the one there is, or a private one for the time of the task.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scc_testkit::engine::Engine;

use crate::run::{Outcome, as_root, need, say, step, target};

/// An engine that answers. A private one ends with this value.
pub(crate) struct TaskEngine {
    host: String,
    private: Option<Private>,
}

struct Private {
    daemon: Child,
    directory: PathBuf,
}

impl TaskEngine {
    pub(crate) fn find_or_start() -> Outcome<Self> {
        if let Some(host) = found() {
            say(&format!("using the container engine at {host}"));
            return Ok(Self {
                host,
                private: None,
            });
        }
        say("no container engine answers; starting a private one, which ends with this command");
        need("dockerd", "docker.io")?;
        need("iptables", "iptables")?;
        step("starting the engine", start)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn client(&self, base_image: &str) -> Engine {
        Engine::at(&self.host, base_image.to_owned())
    }
}

impl Drop for TaskEngine {
    fn drop(&mut self) {
        if let Some(private) = &mut self.private {
            say("stopping the private engine; its images stay in target/engine for the next time");
            private.stop();
        }
    }
}

impl Private {
    fn stop(&mut self) {
        let pid = std::fs::read_to_string(self.directory.join("pid")).unwrap_or_default();
        if let (Ok(mut kill), false) = (as_root("kill"), pid.trim().is_empty()) {
            let _ = kill.arg(pid.trim()).status();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && !matches!(self.daemon.try_wait(), Ok(Some(_))) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.daemon.kill();
        end(&self.directory);
    }
}

/// The address of an engine that answers here already.
fn found() -> Option<String> {
    let named = std::env::var("DOCKER_HOST").ok();
    let usual = "unix:///var/run/docker.sock".to_owned();
    named.into_iter().chain([usual]).find(|host| answers(host))
}

fn answers(host: &str) -> bool {
    let Some(socket) = host.strip_prefix("unix://") else {
        return false;
    };
    UnixStream::connect(socket).is_ok()
        && Engine::at(host, String::new())
            .request("GET", "/version", None)
            .0
            == 200
}

/// Ends engines whose task was killed: their directory names a process that is gone.
fn clear_leftovers() {
    let entries = std::fs::read_dir("/run").into_iter().flatten().flatten();
    for directory in entries.map(|entry| entry.path()) {
        let name = directory.file_name().and_then(|name| name.to_str());
        let Some(pid) = name.and_then(|name| name.strip_prefix("scc-engine-")) else {
            continue;
        };
        if Path::new("/proc").join(pid).exists() {
            continue;
        }
        say(&format!(
            "ending the engine of an earlier task that was killed (process {pid})"
        ));
        end(&directory);
    }
}

/// Ends the engine of this directory, waits for that, and removes the directory.
fn end(directory: &Path) {
    let pid = std::fs::read_to_string(directory.join("pid")).unwrap_or_default();
    let pid = pid.trim();
    // The number may belong to another process by now.
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let is_ours = String::from_utf8_lossy(&command).contains(&*directory.to_string_lossy());
    if !pid.is_empty() && is_ours {
        if let Ok(mut kill) = as_root("kill") {
            let _ = kill.arg(pid).status();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Path::new("/proc").join(pid).exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    if let Ok(mut remove) = as_root("rm") {
        let _ = remove.arg("-rf").arg(directory).status();
    }
}

fn start() -> Outcome<TaskEngine> {
    clear_leftovers();
    // The socket's path has to be short, and what is in this directory ends with the engine.
    let directory = PathBuf::from(format!("/run/scc-engine-{}", std::process::id()));
    run_as_root("mkdir", &["-p"], &directory)?;
    let data = target().join("engine");
    std::fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    let data = data.canonicalize().map_err(|error| error.to_string())?;
    let host = format!("unix://{}/docker.sock", directory.display());
    let log_path = target().join("engine.log");
    let log = std::fs::File::create(&log_path).map_err(|error| error.to_string())?;
    let mut command: Command = as_root("dockerd")?;
    command
        .arg("--data-root")
        .arg(data)
        .arg("--exec-root")
        .arg(directory.join("exec"))
        .arg("--pidfile")
        .arg(directory.join("pid"))
        .args(["--host", &host])
        // Whose socket it is: otherwise only root and the group docker may use it.
        .args(["--group", &own_group()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let daemon = command
        .spawn()
        .map_err(|error| format!("dockerd: {error}"))?;
    let mut engine = TaskEngine {
        host: host.clone(),
        private: Some(Private { daemon, directory }),
    };
    let end = Instant::now() + Duration::from_secs(60);
    while !answers(&host) {
        let ended = engine
            .private
            .as_mut()
            .is_some_and(|p| !matches!(p.daemon.try_wait(), Ok(None)));
        if ended || Instant::now() > end {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            return Err(format!("the private engine does not start:\n{log}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(engine)
}

fn own_group() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self")
        .map_or(0, |meta| meta.gid())
        .to_string()
}

fn run_as_root(program: &str, args: &[&str], path: &Path) -> Outcome<()> {
    crate::run::run(as_root(program)?.args(args).arg(path))
}
