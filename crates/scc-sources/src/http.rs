//! Documents at `https://` addresses.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, Proxy, RequestBuilder};
use url::Url;

use crate::address::without_query;
use crate::loaded::{Fetched, Revision};
use crate::{AuthHeader, FetchOptions, SourceError, authorities};

/// How many redirections are followed.
const MAX_REDIRECTS: usize = 5;
/// An ETag is stored and sent back; a longer one is not.
const MAX_ETAG: usize = 512;

/// Fetches the document, or finds that it still has this ETag.
pub(crate) fn fetch(
    start: &Url,
    etag: Option<&str>,
    auth: Option<&AuthHeader>,
    options: &FetchOptions,
) -> Result<Fetched, SourceError> {
    let from = without_query(start);
    let agent = agent(&from, options)?;
    let deadline = Instant::now() + options.total_timeout;
    let mut url = start.clone();
    for _ in 0..=MAX_REDIRECTS {
        let request = prepare(&agent, &url, deadline, proxy(&from, &url, options)?);
        let request = match etag {
            Some(etag) => request.header(header::IF_NONE_MATCH, etag),
            None => request,
        };
        let request = match auth.filter(|_| url.origin() == start.origin()) {
            Some(auth) => {
                let (name, value) = auth.for_web().map_err(|reason| {
                    let from = from.clone();
                    SourceError::Credentials { from, reason }
                })?;
                request.header(name, value)
            }
            None => request,
        };
        let response = request.call().map_err(|error| no_answer(&from, &error))?;
        match response.status() {
            StatusCode::OK => return document(&from, &url, response, options),
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::NotModified),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => url = next(&from, &url, response.headers())?,
            status => {
                let status = status.as_u16();
                return Err(SourceError::Status { from, status });
            }
        }
    }
    let reason = format!("more than {MAX_REDIRECTS} times");
    Err(SourceError::Redirect { from, reason })
}

/// A request that ends at the deadline of all of them.
fn prepare(
    agent: &Agent,
    url: &Url,
    deadline: Instant,
    proxy: Option<Proxy>,
) -> RequestBuilder<WithoutBody> {
    let left = deadline.saturating_duration_since(Instant::now());
    let config = agent.get(url.as_str()).config();
    // Nothing left is not the same as no limit.
    let config = config.timeout_global(Some(left.max(Duration::from_millis(1))));
    config.proxy(proxy).build()
}

fn agent(from: &str, options: &FetchOptions) -> Result<Agent, SourceError> {
    let failed = |reason: String| SourceError::Network {
        from: from.to_owned(),
        reason,
    };
    let roots = match options.extra_authorities.is_empty() {
        true => RootCerts::PlatformVerifier,
        false => {
            let all = authorities::all(&options.extra_authorities).map_err(failed)?;
            RootCerts::new_with_certs(&all)
        }
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(true)
        // Redirections are followed here, where it is known who may see the credentials.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(&options.user_agent)
        .accept("application/json, application/yaml, text/plain;q=0.9, */*;q=0.5")
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_per_read(Some(options.read_timeout))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(config.new_agent())
}

/// The proxy for this hop.
fn proxy(from: &str, url: &Url, options: &FetchOptions) -> Result<Option<Proxy>, SourceError> {
    let Some(proxy) = &options.proxy else {
        return Ok(None);
    };
    if proxy.bypasses(url.host_str().unwrap_or_default()) {
        return Ok(None);
    }
    let usable = Proxy::new(proxy.address.expose_secret());
    usable.map(Some).map_err(|_| SourceError::Network {
        from: from.to_owned(),
        reason: "the address of the proxy is not usable".to_owned(),
    })
}

fn next(from: &str, url: &Url, headers: &HeaderMap) -> Result<Url, SourceError> {
    let failed = |reason: &str| SourceError::Redirect {
        from: from.to_owned(),
        reason: reason.to_owned(),
    };
    let to = headers
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok());
    let to = to.ok_or_else(|| failed("to nowhere"))?;
    let next = url
        .join(to)
        .map_err(|_| failed("to something that is no address"))?;
    if !next.username().is_empty() || next.password().is_some() {
        return Err(failed("to an address with credentials"));
    }
    if next.scheme() != "https" {
        let shown = without_query(&next);
        return Err(failed(&format!("to `{shown}`, which is not encrypted")));
    }
    Ok(next)
}

fn document(
    from: &str,
    url: &Url,
    response: Response<Body>,
    options: &FetchOptions,
) -> Result<Fetched, SourceError> {
    let unusable = |reason: String, hint| SourceError::Content {
        from: from.to_owned(),
        reason,
        hint,
    };
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_page =
        text(header::CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|name| *name != "identity") {
        return Err(unusable(format!("it is compressed as `{encoding}`"), None));
    }
    let etag = text(header::ETAG).map(str::to_owned);
    let content = body(from, response, options)?;
    // Some servers call everything HTML; a document does not start with a tag.
    let is_page = is_page && content.trim_ascii_start().starts_with(b"<");
    if is_page || looks_like_page(&content) {
        let reason = match url.path().contains("/login") || url.path().contains("/sign") {
            true => "this looks like a sign-in page",
            false => "this looks like a web page",
        };
        return Err(unusable(
            reason.to_owned(),
            Some("use the raw file's address"),
        ));
    }
    if content.trim_ascii().is_empty() {
        return Err(unusable("it is empty".to_owned(), None));
    }
    let etag = etag.filter(|etag| etag.len() <= MAX_ETAG && !etag.is_empty());
    let revision = etag.map(Revision::Etag);
    Ok(Fetched::New { content, revision })
}

fn body(
    from: &str,
    response: Response<Body>,
    options: &FetchOptions,
) -> Result<Vec<u8>, SourceError> {
    let limit = options.max_bytes;
    let too_large = || SourceError::Content {
        from: from.to_owned(),
        reason: format!("it is larger than {limit} bytes"),
        hint: None,
    };
    match response.body().content_length() {
        Some(length) if length > limit => return Err(too_large()),
        Some(_) => {}
        // A YAML document that was cut may be a valid one with fewer rules.
        None if !is_chunked(response.headers()) => {
            return Err(SourceError::Content {
                from: from.to_owned(),
                reason: "it does not say where it ends, so it may have been cut".to_owned(),
                hint: Some("let the server send a `Content-Length`"),
            });
        }
        None => {}
    }
    let mut content = Vec::new();
    let mut reader = response.into_body().into_reader().take(limit + 1);
    if let Err(error) = reader.read_to_end(&mut content) {
        return Err(broken(from, error));
    }
    if content.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(content)
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let value = headers.get(header::TRANSFER_ENCODING);
    value.is_some_and(|value| value.as_bytes().to_ascii_lowercase().ends_with(b"chunked"))
}

/// Markup that no JSON or YAML document starts with.
fn looks_like_page(content: &[u8]) -> bool {
    let start = content.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let start = start[..start.len().min(16)].to_ascii_lowercase();
    let marks: [&[u8]; 5] = [b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--"];
    marks.iter().any(|mark| start.starts_with(mark))
}

fn broken(from: &str, error: io::Error) -> SourceError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return SourceError::Content {
            from: from.to_owned(),
            reason: "it broke off before its end".to_owned(),
            hint: Some("try again; a proxy on the way may cut it"),
        };
    }
    no_answer(from, &ureq::Error::from(error))
}

fn no_answer(from: &str, error: &ureq::Error) -> SourceError {
    let reason = match error {
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            "it did not answer in time".to_owned()
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nothing listens there".to_owned()
        }
        other => match other.to_string() {
            text if text.contains("UnknownIssuer") => {
                "no authority that this machine trusts has signed its certificate".to_owned()
            }
            text => text,
        },
    };
    let from = from.to_owned();
    SourceError::Network { from, reason }
}
