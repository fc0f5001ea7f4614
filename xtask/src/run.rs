//! Running programs, and saying so.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// What went wrong, for a person.
pub(crate) type Outcome<T> = Result<T, String>;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// The build directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

pub(crate) fn say(text: &str) {
    eprintln!("==> {text}");
}

/// Runs a program to its end; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Outcome<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let first = command.get_args().next().unwrap_or_default();
    let name = format!("{name} {}", first.to_string_lossy());
    let status = command
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {status}"))
    }
}

/// Does a step and says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    say(what);
    let start = Instant::now();
    let outcome = work()?;
    eprintln!("    {:.1} s", start.elapsed().as_secs_f64());
    Ok(outcome)
}

/// Whether a program can be found.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    std::env::split_paths(&path)
        .chain(sbin)
        .any(|dir| dir.join(program).is_file())
}

/// A command that runs as root: as it is, or by sudo.
pub(crate) fn as_root(program: &str) -> Outcome<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    if !has("sudo") {
        return Err(format!(
            "`{program}` needs root, and there is no sudo: run this as root"
        ));
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// Installs Debian packages whose program is missing.
pub(crate) fn need(program: &str, package: &str) -> Outcome<()> {
    if has(program) {
        return Ok(());
    }
    step(&format!("installing Debian's package {package}"), || {
        run(as_root("apt-get")?.args(["update", "-qq"]))?;
        let mut install = as_root("apt-get")?;
        install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
        run(install
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(std::process::Stdio::null()))
    })
}
