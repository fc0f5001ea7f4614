//! The image that scc's images are built on: Debian's own, or one made here where no image
//! registry can be reached.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::engine::TaskEngine;
use crate::run::{Outcome, need, run, say, step, target};

const DEBIAN: &str = "debian:bookworm-slim";
const OWN: &str = "localhost/scc-debian";
const OWN_TAG: &str = "bookworm";

/// The reference of a base image that is there when this returns.
pub(crate) fn ensure(engine: &TaskEngine) -> Outcome<String> {
    let client = engine.client("");
    let own = format!("{OWN}:{OWN_TAG}");
    let exists = |image: &str| {
        client
            .request("GET", &format!("/images/{image}/json"), None)
            .0
            == 200
    };
    for image in [DEBIAN, &own] {
        if exists(image) {
            return Ok(image.to_owned());
        }
    }
    say(&format!("pulling {DEBIAN}"));
    let _ = client.request(
        "POST",
        "/images/create?fromImage=debian&tag=bookworm-slim",
        None,
    );
    if exists(DEBIAN) {
        return Ok(DEBIAN.to_owned());
    }
    say("no image registry answers; making a base image from Debian's packages");
    need("mmdebstrap", "mmdebstrap")?;
    step("making the base image", || make(engine))?;
    if exists(&own) {
        Ok(own)
    } else {
        Err("the engine did not take the base image".to_owned())
    }
}

fn make(engine: &TaskEngine) -> Outcome<()> {
    let tar = target().join("scc-base.tar");
    let mut command: Command = crate::run::as_root("mmdebstrap")?;
    command.args(["--quiet", "--variant=minbase", "--include=ca-certificates"]);
    for path in ["man", "locale", "doc"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}/*"));
    }
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    command.arg("--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/*");
    run(command.arg("bookworm").arg(&tar))?;
    import(engine, &tar).map_err(|error| format!("importing the base image: {error}"))?;
    let _ = std::fs::remove_file(&tar);
    Ok(())
}

fn import(engine: &TaskEngine, tar: &std::path::Path) -> std::io::Result<()> {
    let socket = engine.host().trim_start_matches("unix://").to_owned();
    let mut stream = UnixStream::connect(socket)?;
    let mut file = std::fs::File::open(tar)?;
    let length = file.metadata()?.len();
    let path = format!("/images/create?fromSrc=-&repo={OWN}&tag={OWN_TAG}");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\
         content-type: application/x-tar\r\ncontent-length: {length}\r\n\r\n"
    )?;
    std::io::copy(&mut file, &mut stream)?;
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(())
}
