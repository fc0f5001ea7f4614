//! Patterns for MCP servers, and what of a server they are compared with.

use std::collections::{BTreeSet, HashMap};

use crate::glob::{Folded, Glob, fold};
use crate::mcp_form::{Form, host_port};
use crate::pattern_set::PatternSet;
use crate::url::Address;
use crate::{McpServer, idn, ip};

/// Patterns for MCP servers, prepared in the normal form of names, hosts, addresses and programs.
///
/// What forbids is compared with everything of a server, in every spelling. What allows is not: a
/// pattern in the form of an address, host or path never fits a name, which whoever adds the server
/// chooses; a pattern for hosts fits no path of an address.
#[derive(Debug, Clone, Default)]
pub struct McpPatterns {
    any: PatternSet,
    /// As they are written.
    written: PatternSet,
    names: PatternSet,
    hosts: PatternSet,
    addresses: PatternSet,
    /// For each pattern for addresses what its host has to fit.
    address_hosts: HashMap<usize, Glob>,
    programs: PatternSet,
    identities: PatternSet,
    /// Words with wildcards, of which nobody can say whether they mean names, hosts or programs.
    vague: BTreeSet<usize>,
}

type Numbered = Vec<(usize, String)>;

#[derive(Default)]
struct Sorted {
    any: Numbered,
    written: Numbered,
    names: Numbered,
    hosts: Numbered,
    addresses: Numbered,
    address_hosts: HashMap<usize, Glob>,
    programs: Numbered,
    identities: Numbered,
    vague: BTreeSet<usize>,
}

impl McpPatterns {
    /// Prepares patterns; the number of each is its place in `patterns`.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sorted = Sorted::default();
        for (number, pattern) in patterns.into_iter().enumerate() {
            sorted.allowing(number, pattern);
            sorted.written.push((number, pattern.to_owned()));
            let forbidding = forbidding(pattern).into_iter();
            sorted.any.extend(forbidding.map(|text| (number, text)));
        }
        Self {
            any: PatternSet::numbered(sorted.any),
            written: PatternSet::numbered(sorted.written),
            names: PatternSet::numbered(sorted.names),
            hosts: PatternSet::numbered(sorted.hosts),
            addresses: PatternSet::numbered(sorted.addresses),
            address_hosts: sorted.address_hosts,
            programs: PatternSet::numbered(sorted.programs),
            identities: PatternSet::numbered(sorted.identities),
            vague: sorted.vague,
        }
    }
}

impl Sorted {
    fn allowing(&mut self, number: usize, pattern: &str) {
        match Form::of(pattern) {
            Form::Identity(text) => self.identities.push((number, text)),
            Form::Address(address) => {
                let host = Glob::new(&address.host);
                self.address_hosts.insert(number, host);
                self.addresses.push((number, address.text()));
            }
            Form::Host { host, port: None } => self.hosts.push((number, host)),
            Form::Host {
                host,
                port: Some(port),
            } => self.hosts.push((number, host_port(&host, &port))),
            Form::Program(path) => self.programs.push((number, path)),
            Form::Plain(word) => {
                if word.contains(['*', '?', '[']) {
                    self.vague.insert(number);
                }
                self.names.push((number, word.clone()));
                self.hosts.push((number, word.clone()));
                self.programs.push((number, word));
            }
        }
    }
}

/// Everything that a pattern that forbids is looked for as: as it is written, in its normal form, and
/// without a query or fragment, which no address is compared with.
fn forbidding(pattern: &str) -> BTreeSet<String> {
    let folded = fold(pattern);
    let mut texts = BTreeSet::from([folded.clone()]);
    for text in [Some(folded.as_str()), without_query(&folded)] {
        match text.map(Form::of) {
            Some(Form::Address(address)) => {
                texts.insert(address.text());
                texts.extend(address.without_usual_port());
            }
            Some(Form::Host { host, port }) => {
                texts.insert(match port {
                    Some(port) => host_port(&host, &port),
                    None => host,
                });
            }
            Some(Form::Program(text) | Form::Plain(text)) => {
                texts.insert(text);
            }
            Some(Form::Identity(_)) | None => {}
        }
    }
    texts
}

/// What stands before a fragment, or before what reads as a query: `?` alone is a wildcard.
pub(crate) fn without_query(folded: &str) -> Option<&str> {
    let (_, rest) = folded.split_once("://")?;
    let start = folded.len() - rest.len();
    let query = |at: &usize| rest[*at..].contains('=');
    let end = rest.find('#').or_else(|| rest.find('?').filter(query))?;
    Some(&folded[..start + end])
}

/// What of a server patterns are compared with, prepared.
#[derive(Debug, Clone)]
pub struct McpCandidates {
    name: Folded,
    /// For its identity, which only few patterns ask for.
    server: McpServer,
    /// What the transport uses, for what allows: an allowed program must not let in the address
    /// beside it.
    hosts: Vec<Folded>,
    addresses: Vec<Folded>,
    programs: Vec<Folded>,
    /// Everything, for what forbids.
    any: Vec<Folded>,
}

impl McpCandidates {
    pub(crate) fn new(server: &McpServer) -> Self {
        let url = server.url.as_deref();
        let address = url.and_then(Address::parse);
        let command = server.command.as_deref();
        let mut any = vec![server.name.clone()];
        any.extend(url.map(str::to_owned));
        any.extend(address.iter().flat_map(spellings));
        any.extend(command.into_iter().flat_map(programs));
        let used = address.filter(|_| server.transport.is_network());
        let (hosts, addresses) = used.map(|address| used_address(&address)).unzip();
        let used = command.filter(|_| !server.transport.is_network());
        let folded = |texts: Vec<String>| texts.iter().map(|text| Folded::new(text)).collect();
        Self {
            name: Folded::new(&server.name),
            server: server.clone(),
            hosts: folded(hosts.unwrap_or_default()),
            addresses: folded(addresses.unwrap_or_default()),
            programs: folded(used.map(plain_path).into_iter().collect()),
            any: folded(any),
        }
    }

    /// The number of a pattern that lets the server in: by what its transport uses, by its name, or
    /// by its whole.
    pub fn find(&self, patterns: &McpPatterns) -> Option<usize> {
        self.find_place(patterns)
            .or_else(|| patterns.names.find(&self.name))
            .or_else(|| self.find_whole(patterns))
    }

    /// The number of a pattern that fits what the transport uses: host, address or program. A name
    /// alone says nothing about where a server is.
    pub fn find_place(&self, patterns: &McpPatterns) -> Option<usize> {
        self.place_where(patterns, |_| true)
    }

    /// The same, but for words with wildcards: `jira*` is meant for a name, and would let in
    /// whichever host begins like it.
    pub fn find_meant_place(&self, patterns: &McpPatterns) -> Option<usize> {
        self.place_where(patterns, |number| !patterns.vague.contains(&number))
    }

    fn place_where(
        &self,
        patterns: &McpPatterns,
        accepted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let first = |set: &PatternSet, texts: &[Folded]| {
            let mut texts = texts.iter();
            texts.find_map(|text| set.find_where(text, &accepted))
        };
        let of_host = |number| {
            let glob = patterns.address_hosts.get(&number);
            let fits = |glob: &Glob| self.hosts.iter().any(|host| glob.matches(host.as_str()));
            accepted(number) && glob.is_some_and(fits)
        };
        let mut addresses = self.addresses.iter();
        first(&patterns.hosts, &self.hosts)
            .or_else(|| addresses.find_map(|text| patterns.addresses.find_where(text, of_host)))
            .or_else(|| first(&patterns.programs, &self.programs))
    }

    /// The number of a pattern that is the server's [identity](McpServer::identity), which changes
    /// with anything in it.
    pub fn find_whole(&self, patterns: &McpPatterns) -> Option<usize> {
        let identities = Some(&patterns.identities).filter(|set| !set.is_empty())?;
        identities.find(&Folded::new(&self.server.identity()))
    }

    /// The number of a pattern that fits anything of the server, used or not: for what forbids.
    pub fn find_any(&self, patterns: &McpPatterns) -> Option<usize> {
        self.any.iter().find_map(|text| patterns.any.find(text))
    }
}

/// The name, and the normal forms of address and program: what patterns are compared with, as they are
/// written, to tell whether a document of the first versions is valid.
pub(crate) struct Written(Vec<Folded>);

impl Written {
    pub(crate) fn of(server: &McpServer) -> Self {
        let mut texts = vec![Folded::new(&server.name)];
        let mut add = |text: &str| texts.push(Folded::new(text));
        if let Some(address) = server.url.as_deref().and_then(Address::parse) {
            add(address.host());
            add(&address.without_port());
            address.with_port().iter().for_each(|text| add(text));
        }
        server
            .command
            .iter()
            .for_each(|path| add(&plain_path(path)));
        Self(texts)
    }

    /// The number of a pattern that fits.
    pub(crate) fn find(&self, patterns: &McpPatterns) -> Option<usize> {
        let mut texts = self.0.iter();
        texts.find_map(|text| patterns.written.find(text))
    }
}

/// The hosts and the addresses that an allowed address is known by.
fn used_address(address: &Address) -> (Vec<String>, Vec<String>) {
    let host = ip::canonical(address.host()).filter(|host| {
        // Numbers that are read as an address are denied; they are let in by no pattern.
        host.contains(':') || address.host().starts_with('[') || host == address.host()
    });
    let host = host.unwrap_or_else(|| address.host().to_owned());
    let port = address.effective_port();
    let hosts = vec![host.clone(), with_port(&host, port)];
    (
        hosts,
        texts(&address.at_host(&bracketed(&host)), address.has_slash()),
    )
}

/// Every way to write the host of an address, with its ports and paths.
fn spellings(address: &Address) -> Vec<String> {
    let host = address.host();
    let bare = host.trim_matches(['[', ']']).to_owned();
    let hosts = BTreeSet::from([
        host.to_owned(),
        idn::to_unicode(host),
        ip::canonical(host).unwrap_or_else(|| bare.clone()),
        bare,
    ]);
    let all = hosts.iter().flat_map(|host| {
        let port = with_port(host, address.effective_port());
        let mut all = texts(&address.at_host(&bracketed(host)), true);
        all.extend([host.clone(), port]);
        all
    });
    all.collect()
}

/// An address as text, with its port and without; with a `/` at the end too where asked for.
fn texts(address: &Address, slash: bool) -> Vec<String> {
    let mut texts = vec![address.without_port()];
    texts.extend(address.with_port());
    if slash {
        let slashed: Vec<_> = texts.iter().map(|text| format!("{text}/")).collect();
        texts.extend(slashed);
    }
    texts
}

fn with_port(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

fn bracketed(host: &str) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

/// A program by its path, by its name alone, and both without what stands after a blank.
fn programs(command: &str) -> Vec<String> {
    let whole = plain_path(command);
    let first = whole.split_whitespace().next().unwrap_or_default();
    let own = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    vec![own(&whole), own(first), first.to_owned(), whole]
}

/// A path without `//` and `/./`, so that neither hides a program from a pattern.
fn plain_path(path: &str) -> String {
    let path = path.trim();
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.fold(String::new(), |path, part| path + "/" + part)
}
