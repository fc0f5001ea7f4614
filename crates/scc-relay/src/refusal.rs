//! What a client is told in the first line of a refusal: of a tunnel that was refused tools show that
//! line, if anything, and never the page.

use crate::http::Head;

/// The header in which the proxy names the page that it has sent.
const PAGE: &str = "x-squid-error:";

/// The answer of the proxy, in which a refusal says what to do.
pub(crate) fn explained(answer: &Head, host: &str) -> Vec<u8> {
    let end = answer.bytes.windows(2).position(|part| part == b"\r\n");
    match end {
        Some(end) if answer.status() == 403 => {
            let host: String = host.chars().filter(char::is_ascii_graphic).collect();
            let why = why(&page(&answer.bytes), &host);
            let mut bytes = format!("HTTP/1.1 403 Forbidden by scc, {why}").into_bytes();
            bytes.extend_from_slice(&answer.bytes[end..]);
            bytes
        }
        _ => answer.bytes.clone(),
    }
}

/// The page's name; nothing where none is named.
fn page(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let lines = text.lines().map(str::to_ascii_lowercase);
    let mut named = lines.filter_map(|line| {
        let value = line.strip_prefix(PAGE)?.split_whitespace().next()?;
        // The status that it was given may stand before it.
        Some(value.rsplit(':').next()?.to_owned())
    });
    named.next().unwrap_or_default()
}

/// By the pages of the proxy's image.
fn why(page: &str, host: &str) -> String {
    match page {
        "err_scc_port" => format!("no tunnel to this port of {host}, see: scc network explain"),
        "err_scc_address" => {
            format!("{host} has a private address and is not marked internal in allowed_hosts")
        }
        "err_scc_never" => format!("{host} leads to this machine or to its metadata service"),
        _ => format!("see: scc network explain {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(answer: &str) -> String {
        let head = Head {
            bytes: answer.as_bytes().to_vec(),
            rest: Vec::new(),
        };
        let bytes = explained(&head, "a.exam\r\nple");
        let text = String::from_utf8(bytes).unwrap();
        let (line, rest) = text.split_once("\r\n").unwrap();
        assert_eq!(rest, answer.split_once("\r\n").unwrap().1);
        line.to_owned()
    }

    /// `network explain` says of a host that it is allowed, whatever its address is.
    #[test]
    fn who_is_sent_to_explain_is_told_something_there() {
        let refusal = |page: &str| {
            line(&format!(
                "HTTP/1.1 403 Forbidden\r\nX-Squid-Error: {page} 0\r\n\r\n"
            ))
        };
        let list = refusal("ERR_SCC_NOT_LISTED");
        assert_eq!(
            list,
            "HTTP/1.1 403 Forbidden by scc, see: scc network explain a.example"
        );
        assert_eq!(refusal("ERR_ACCESS_DENIED"), list);
        assert_eq!(line("HTTP/1.1 403 Forbidden\r\n\r\n"), list);
        assert!(refusal("403:ERR_SCC_PORT").contains("no tunnel to this port of a.example"));
        for (page, words) in [
            ("ERR_SCC_ADDRESS", "not marked internal"),
            ("ERR_SCC_NEVER", "this machine or to its metadata service"),
        ] {
            let said = refusal(page);
            assert!(said.contains(words) && !said.contains("explain"), "{said}");
        }
    }

    #[test]
    fn other_answers_stay() {
        for answer in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.1 503 x\r\n\r\n",
        ] {
            assert_eq!(line(answer), answer.split_once("\r\n").unwrap().0);
        }
    }
}
