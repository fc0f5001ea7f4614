//! Builds `scc-guard` from the same source tree, as a static binary for sandboxes.
//!
//! `SCC_GUARD_TARGET` names the target; by default it is Linux on the processor that scc is built
//! for. The target's standard library has to be installed.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment"
)]

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the build of scc itself sets, and the build of the guard must not inherit: flags and
/// wrappers for another target or another tool.
const NOT_INHERITED: &[&str] = &[
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

fn main() -> Outcome<()> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../..");
    println!("cargo::rerun-if-env-changed=SCC_GUARD_TARGET");
    for source in [
        "Cargo.toml",
        "Cargo.lock",
        "crates/scc-guard",
        "crates/scc-relay/src",
        "crates/scc-relay/Cargo.toml",
        "crates/scc-safety/src",
        "crates/scc-safety/Cargo.toml",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let target = target()?;
    println!(
        "cargo::rustc-env=SCC_GUARD_ARCHITECTURE={}",
        architecture(&target)
    );
    let built = build(&root, &out, &target)?;
    std::fs::copy(built, out.join("scc-guard"))?;
    Ok(())
}

fn variable(name: &str) -> Outcome<String> {
    Ok(env::var(name).map_err(|error| format!("{name}: {error}"))?)
}

fn target() -> Outcome<String> {
    if let Ok(target) = env::var("SCC_GUARD_TARGET") {
        return Ok(target);
    }
    let libc = match variable("CARGO_CFG_TARGET_OS")?.as_str() {
        "linux" => variable("CARGO_CFG_TARGET_ENV")?,
        _ => "musl".to_owned(),
    };
    let processor = variable("CARGO_CFG_TARGET_ARCH")?;
    Ok(format!("{processor}-unknown-linux-{libc}"))
}

/// A processor as container engines name it.
fn architecture(target: &str) -> &str {
    match target.split('-').next().unwrap_or_default() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The path of the built guard. It has a build directory of its own, because the outer build holds
/// the lock of the common one.
fn build(root: &Path, out: &Path, target: &str) -> Outcome<PathBuf> {
    let directory = out.join("target");
    let mut cargo = Command::new(variable("CARGO")?);
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    cargo
        .args(["build", "--quiet", "--locked", "--package", "scc-guard"])
        .args(["--profile", "guard", "--target", target, "--target-dir"])
        .arg(&directory)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(root);
    let status = cargo.status()?;
    if !status.success() {
        let hint = "its standard library may be missing (rustup target add); SCC_GUARD_TARGET \
                    names another target";
        return Err(format!("building scc-guard for {target}: {status}; {hint}").into());
    }
    Ok(directory.join(target).join("guard/scc-guard"))
}
