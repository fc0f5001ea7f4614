//! The proxy's side: the name in a client's first TLS message has to be the one that the proxy has
//! let through. A proxy that looks only at the name in the request would carry a client to any
//! other site behind the same address.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant, SystemTime};

use crate::address::Address;
use crate::cut::Open;
use crate::http::{Head, HostPort, Target};
use crate::refusal::explained;
use crate::stream::{Stream, join};
use crate::tls::{Hello, server_name};

/// How long a client may take for its whole request, and for its whole first message.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the proxy may take to begin to listen.
const START: Duration = Duration::from_secs(10);

pub(crate) const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

/// Serves one connection.
pub(crate) fn serve(mut client: Stream, proxy: &Address) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    let Some(request) = Head::read(client.until(end))? else {
        return Ok(());
    };
    let Ok(target) = request.target() else {
        report(&line("-", &("-".to_owned(), 0), 400, "BAD_REQUEST", ""));
        return client.say_and_end(BAD_REQUEST);
    };
    // Before the proxy decides: what it lets through now can be cut from now on.
    let host = match &target {
        Target::Tunnel(to) | Target::Plain(Some(to)) => to.0.as_str(),
        Target::Plain(None) => "",
    };
    let _open = Open::to(host, &client)?;
    let mut upstream = Stream::connect(proxy, START)?;
    upstream.write_all(&request.bytes)?;
    match &target {
        Target::Tunnel(to) => serve_tunnel(client, upstream, request.rest, to),
        Target::Plain(_) => {
            upstream.write_all(&request.rest)?;
            client.limit_reads(None)?;
            join(client, upstream)
        }
    }
}

fn serve_tunnel(
    mut client: Stream,
    mut upstream: Stream,
    mut first: Vec<u8>,
    target: &HostPort,
) -> io::Result<()> {
    let Some(answer) = Head::read(&mut upstream)? else {
        return Ok(());
    };
    client.write_all(&explained(&answer, &target.0))?;
    if answer.status() == 200 {
        let hello = read_hello(&mut client, &mut first)?;
        if !is_for(&hello, &target.0) {
            // Who has said nothing has wanted nothing.
            if !first.is_empty() {
                let (result, name) = why_cut(&hello);
                report(&line("CONNECT", target, 403, result, name));
            }
            client.shut(Shutdown::Both);
            upstream.shut(Shutdown::Both);
            return Ok(());
        }
        upstream.write_all(&first)?;
    }
    // What the server has said before belongs to the tunnel too.
    client.write_all(&answer.rest)?;
    client.limit_reads(None)?;
    join(client, upstream)
}

/// Reads until the first message is there; `first` holds what was read.
fn read_hello(client: &mut Stream, first: &mut Vec<u8>) -> io::Result<Hello> {
    let mut client = client.until(Instant::now() + PATIENCE);
    let mut chunk = [0; 4096];
    loop {
        match server_name(first) {
            Hello::Incomplete => {}
            found => return Ok(found),
        }
        match client.read(&mut chunk)? {
            0 => return Ok(Hello::NotTls),
            count => first.extend_from_slice(&chunk[..count]),
        }
    }
}

fn is_for(hello: &Hello, host: &str) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    matches!(hello, Hello::Name(name) if plain(name) == plain(host))
}

fn why_cut(hello: &Hello) -> (&'static str, &str) {
    match hello {
        Hello::Name(name) => ("NAME_DIFFERS", name),
        Hello::NoName => ("NAME_MISSING", ""),
        Hello::Incomplete | Hello::NotTls => ("NOT_TLS", ""),
    }
}

/// What was refused here, on a line like those of the proxy.
fn line(method: &str, (host, port): &HostPort, status: u16, result: &str, name: &str) -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = time.unwrap_or_default();
    format!(
        "{{\"time\":{}.{:03},\"method\":\"{method}\",\"host\":\"{}\",\"port\":{port},\
         \"status\":{status},\"result\":\"{result}\",\"name\":\"{}\"}}\n",
        time.as_secs(),
        time.subsec_millis(),
        shown(host),
        shown(name),
    )
}

fn report(line: &str) {
    // In one piece, so that the lines of two connections do not mix.
    let _ = io::stdout().lock().write_all(line.as_bytes());
    let _ = io::stdout().flush();
}

/// As it may stand in a text: without anything that ends a string.
fn shown(text: &str) -> String {
    let fits =
        |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let clean = |c: char| if fits(&c) { c } else { '?' };
    text.chars().take(255).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_resolvers_do() {
        let name = |text: &str| Hello::Name(text.to_owned());
        assert!(is_for(&name("API.example"), "api.example"));
        assert!(is_for(&name("api.example"), "Api.Example."));
        for hello in [
            name("other.example"),
            Hello::NoName,
            Hello::NotTls,
            name(""),
        ] {
            assert!(!is_for(&hello, "api.example"), "{hello:?}");
        }
    }

    #[test]
    fn what_is_reported_is_a_line_of_its_own() {
        let target = ("a\"\n.example".to_owned(), 443);
        let hello = Hello::Name("b\"\n.example".to_owned());
        let (result, name) = why_cut(&hello);
        let line = line("CONNECT", &target, 403, result, name);
        let (_, line) = line.split_once(',').unwrap();
        let expected = "\"method\":\"CONNECT\",\"host\":\"a??.example\",\"port\":443,\
                        \"status\":403,\"result\":\"NAME_DIFFERS\",\"name\":\"b??.example\"}\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_ends_a_string_of_the_log() {
        assert_eq!(shown("a\"b\\c\nd.example:1"), "a?b?c?d.example:1");
    }
}
