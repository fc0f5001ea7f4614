//! What an organization's document says and probably does not mean.

use super::patterns::{Purpose, fits_names, server_doubt};
use super::{Findings, artifacts};
use crate::document::{Document, Known, below};
use crate::glob::Folded;
use crate::values::nearest_name;
use crate::{
    DevEnvironment, McpPatterns, McpServer, OrgConfig, Pattern, PatternSet, Profile, names,
};

pub(super) fn warn(document: &Document<OrgConfig>, known: &Known<'_>) -> Findings {
    let mut warnings = Warnings {
        document,
        org: document.value(),
        known,
        findings: Findings::default(),
    };
    warnings.organization();
    warnings.patterns();
    warnings.providers();
    warnings.exceptions();
    warnings.delegation();
    warnings.foreign_names();
    warnings.commands(
        "/defaults/dev_environment",
        &document.value().defaults.dev_environment,
    );
    artifacts::warn(document, known, &mut warnings.findings);
    let servers = Servers::new(document.value());
    for (team, profile) in &document.value().profiles {
        warnings.team(team, profile);
        warnings.servers(team, profile, &servers);
    }
    warnings.findings
}

struct Warnings<'a> {
    document: &'a Document<OrgConfig>,
    org: &'a OrgConfig,
    known: &'a Known<'a>,
    findings: Findings,
}

/// The lists for servers, prepared.
struct Servers {
    blocked: McpPatterns,
    allowed: Option<McpPatterns>,
    excepted: McpPatterns,
}

impl Servers {
    fn new(org: &OrgConfig) -> Self {
        let words = |patterns: &[Pattern]| McpPatterns::new(patterns.iter().map(Pattern::as_str));
        let excepted = org.exceptions.iter().flat_map(|e| &e.allow.mcp_servers);
        let allowed = org.defaults.allowed_mcp_servers.as_ref();
        Self {
            blocked: words(&org.security.blocked_mcp_servers),
            allowed: allowed.map(|patterns| words(patterns)),
            excepted: McpPatterns::new(excepted.map(Pattern::as_str)),
        }
    }
}

impl Warnings<'_> {
    fn add(&mut self, at: &str, rule: &'static str, message: String) {
        self.findings.add(self.document, at, rule, message);
    }

    /// Keys that the schema of the first version leaves open here, and nobody reads.
    fn organization(&mut self) {
        const KNOWN: [&str; 3] = ["name", "id", "contact"];
        for key in self.document.keys("/organization") {
            if !KNOWN.contains(&key.as_str()) {
                let shown = names::visible(&key);
                let hint = nearest_name(&key, KNOWN);
                let said = (format!("nothing reads the key `{shown}`"), hint);
                let at = below("/organization", &key);
                self.findings.hint(self.document, &at, "unused_key", said);
            }
        }
    }

    fn patterns(&mut self) {
        let org = self.org;
        let (security, defaults) = (&org.security, &org.defaults);
        self.plugins("/security/blocked_plugins", &security.blocked_plugins);
        let allowed = defaults.allowed_plugins.as_deref().unwrap_or_default();
        self.plugins("/defaults/allowed_plugins", allowed);
        self.plugins("/defaults/disabled_plugins", &defaults.disabled_plugins);
        let blocked = &security.blocked_mcp_servers;
        self.server_patterns("/security/blocked_mcp_servers", blocked, Purpose::Forbid);
        let allowed = defaults.allowed_mcp_servers.as_deref().unwrap_or_default();
        self.server_patterns("/defaults/allowed_mcp_servers", allowed, Purpose::Allow);
        for (number, exception) in org.exceptions.iter().enumerate() {
            let at = format!("/exceptions/{number}/allow");
            self.plugins(&format!("{at}/plugins"), &exception.allow.plugins);
            let servers = &exception.allow.mcp_servers;
            self.server_patterns(&format!("{at}/mcp_servers"), servers, Purpose::Allow);
        }
        self.other_patterns("/security/workspace_shields", &security.workspace_shields);
        for (team, profile) in &org.profiles {
            let Some(trust) = &profile.trust else {
                continue;
            };
            let at = below("/profiles", team) + "/trust/marketplace_source_patterns";
            self.other_patterns(&at, &trust.marketplace_source_patterns);
        }
    }

    fn plugins(&mut self, list: &str, patterns: &[Pattern]) {
        self.findings.plugin_patterns(self.document, list, patterns);
    }

    /// Patterns for names of teams, for sources and for paths.
    fn other_patterns(&mut self, list: &str, patterns: &[Pattern]) {
        for (number, pattern) in patterns.iter().enumerate() {
            if let Some(doubt) = pattern.doubt() {
                self.doubtful(&format!("{list}/{number}"), pattern, doubt);
            }
        }
    }

    fn doubtful(&mut self, at: &str, pattern: &Pattern, doubt: &str) {
        self.findings.doubtful(self.document, at, pattern, doubt);
    }

    fn server_patterns(&mut self, list: &str, patterns: &[Pattern], purpose: Purpose) {
        for (number, pattern) in patterns.iter().enumerate() {
            let at = format!("{list}/{number}");
            let text = pattern.as_str();
            if let Some(doubt) = server_doubt(text, purpose) {
                self.doubtful(&at, pattern, doubt);
            } else if purpose == Purpose::Allow && fits_names(text) {
                let message = format!(
                    "the pattern `{text}` fits names: whoever adds a server of such a name chooses its address"
                );
                self.add(&at, "allowed_by_name", message);
            }
        }
    }

    fn providers(&mut self) {
        let org = self.org;
        let listed = org.defaults.allowed_providers.iter().flatten().enumerate();
        for (number, id) in listed {
            self.provider(&format!("/defaults/allowed_providers/{number}"), id);
        }
        for id in org.providers.keys() {
            self.provider(&below("/providers", id), id);
        }
        for (team, profile) in &org.profiles {
            for (number, id) in profile.allowed_providers.iter().flatten().enumerate() {
                let at = format!("{}/allowed_providers/{number}", below("/profiles", team));
                self.provider(&at, id);
            }
            let list = below("/profiles", team) + "/providers";
            for id in profile.providers.keys() {
                self.provider(&below(&list, id), id);
            }
        }
        for (name, artifact) in &org.governed_artifacts.artifacts {
            let at = below("/governed_artifacts/artifacts", name) + "/bindings";
            for binding in &artifact.bindings {
                self.provider(&at, &binding.provider_id());
            }
        }
    }

    fn provider(&mut self, at: &str, id: &str) {
        let known = self.known.providers;
        if !known.contains(&id) {
            let hint = nearest_name(id, known.iter().copied());
            let said = (format!("this scc knows no provider `{id}`"), hint);
            self.findings
                .hint(self.document, at, "unknown_provider", said);
        }
    }

    fn exceptions(&mut self) {
        for (number, exception) in self.org.exceptions.iter().enumerate() {
            if exception.expires_at <= self.known.now {
                let (id, end) = (&exception.id, exception.expires_at);
                let message = format!("exception `{id}` has had no effect since {end}");
                let at = format!("/exceptions/{number}/expires_at");
                self.add(&at, "expired_exception", message);
            }
        }
    }

    /// Patterns of teams that fit none.
    fn delegation(&mut self) {
        let org = self.org;
        let teams = &org.delegation.teams;
        for (key, patterns) in [
            ("allow_additional_plugins", &teams.allow_additional_plugins),
            (
                "allow_additional_mcp_servers",
                &teams.allow_additional_mcp_servers,
            ),
            (
                "allow_dev_environment_commands",
                &teams.allow_dev_environment_commands,
            ),
        ] {
            self.other_patterns(&format!("/delegation/teams/{key}"), patterns);
            for (number, pattern) in patterns.iter().enumerate() {
                let text = pattern.as_str();
                let all = pattern.doubt().is_some() || text.chars().all(|c| c == '*');
                if !all && !org.profiles.keys().any(|team| pattern.matches(team)) {
                    let hint = nearest_name(text, org.profiles.keys().map(String::as_str));
                    let said = (format!("no team fits `{text}`"), hint);
                    let at = format!("/delegation/teams/{key}/{number}");
                    self.findings.hint(self.document, &at, "unknown_team", said);
                }
            }
        }
    }

    /// What of a team has no effect.
    fn team(&mut self, team: &str, profile: &Profile) {
        let org = self.org;
        let teams = &org.delegation.teams;
        let federated = profile.config_source.is_some();
        let has_commands = profile
            .dev_environment
            .sections()
            .iter()
            .any(|(_, all)| !all.is_empty());
        for (given, key, right, patterns) in [
            (
                !profile.additional_plugins.is_empty(),
                "additional_plugins",
                "allow_additional_plugins",
                &teams.allow_additional_plugins,
            ),
            (
                federated,
                "config_source",
                "allow_additional_plugins",
                &teams.allow_additional_plugins,
            ),
            (
                !profile.additional_mcp_servers.is_empty(),
                "additional_mcp_servers",
                "allow_additional_mcp_servers",
                &teams.allow_additional_mcp_servers,
            ),
            (
                has_commands,
                "dev_environment",
                "allow_dev_environment_commands",
                &teams.allow_dev_environment_commands,
            ),
        ] {
            let words = patterns.iter().map(Pattern::as_str);
            if given && PatternSet::new(words).find(&Folded::new(team)).is_none() {
                let message = format!(
                    "what team `{team}` adds here is denied: `delegation.teams.{right}` does not name it"
                );
                let at = below("/profiles", team) + "/" + key;
                self.add(&at, "not_delegated", message);
            }
        }
        self.looser(team, profile);
        let at = below("/profiles", team) + "/dev_environment";
        self.commands(&at, &profile.dev_environment);
    }

    fn looser(&mut self, team: &str, profile: &Profile) {
        let defaults = &self.org.defaults;
        let at = below("/profiles", team);
        let hours = (
            profile.session.timeout_hours,
            defaults.session.timeout_hours,
        );
        if let (Some(own), Some(most)) = hours
            && own > most
        {
            let message = format!(
                "the {own} hours of team `{team}` have no effect: the organization's {most} are less"
            );
            let at = format!("{at}/session/timeout_hours");
            self.add(&at, "looser_timeout", message);
        }
        if let (Some(own), Some(least)) = (profile.network_policy, defaults.network_policy)
            && own < least
        {
            let message = format!(
                "`{own}` of team `{team}` has no effect: the organization's `{least}` is stricter"
            );
            self.add(
                &format!("{at}/network_policy"),
                "looser_network_policy",
                message,
            );
        }
    }

    fn commands(&mut self, key: &str, commands: &DevEnvironment) {
        for (section, actions) in commands.sections() {
            for (name, action) in actions {
                if action.working_directory.starts_with('/') {
                    let at = below(&format!("{key}/{section}"), name) + "/working_directory";
                    let message = format!(
                        "`{name}` is denied: `{}` is not relative to the workspace",
                        action.working_directory
                    );
                    self.add(&at, "working_directory", message);
                }
            }
        }
    }

    fn servers(&mut self, team: &str, profile: &Profile, lists: &Servers) {
        let list = below("/profiles", team) + "/additional_mcp_servers";
        let servers = &profile.additional_mcp_servers;
        self.findings.server_doubts(self.document, &list, servers);
        for (number, server) in servers.iter().enumerate() {
            let at = format!("{list}/{number}");
            if let Some((rule, why)) = self.refused(server, lists) {
                let name = &server.name;
                let message = format!("MCP server `{name}` of team `{team}` {why}");
                self.add(&at, rule, message);
            }
        }
    }

    /// Why a server that the document's own rules let stand is refused at a launch.
    fn refused(&self, server: &McpServer, lists: &Servers) -> Option<(&'static str, String)> {
        let security = &self.org.security;
        let candidates = server.candidates();
        if candidates.find(&lists.excepted).is_some() {
            return None;
        }
        if let Some(number) = candidates.find_any(&lists.blocked) {
            let pattern = security.blocked_mcp_servers[number].as_str();
            return Some((
                "mcp_blocked",
                format!("is blocked by the pattern `{pattern}`"),
            ));
        }
        let unlisted = |set: &McpPatterns| candidates.find(set).is_none();
        if lists.allowed.as_ref().is_some_and(unlisted) {
            let why = "is denied: what is written as an address, host or path in `defaults.allowed_mcp_servers` does not fit names";
            return Some(("mcp_not_allowed", why.to_owned()));
        }
        if let Some(why) = server.authority_complaint() {
            return Some(("mcp_address", format!("is denied: its address {why}")));
        }
        let variable = server.loader_variable()?;
        let confined = !security.allowed_stdio_prefixes.is_empty();
        let why = format!(
            "is denied: with `{variable}`, programs in `security.allowed_stdio_prefixes` would run others"
        );
        confined.then_some(("mcp_loader_variable", why))
    }

    fn foreign_names(&mut self) {
        let org = self.org;
        let mut names: Vec<(String, &'static str, &str)> = Vec::new();
        let marketplaces = org.marketplaces.keys();
        names.extend(
            marketplaces.map(|name| (below("/marketplaces", name), "marketplace", name.as_str())),
        );
        let plugins = org.defaults.enabled_plugins.iter().enumerate();
        names.extend(plugins.map(|(number, name)| {
            (
                format!("/defaults/enabled_plugins/{number}"),
                "plugin",
                name.as_str(),
            )
        }));
        for (team, profile) in &org.profiles {
            let at = below("/profiles", team);
            names.push((at.clone(), "team", team));
            let plugins = profile.additional_plugins.iter().enumerate();
            names.extend(plugins.map(|(number, name)| {
                (
                    format!("{at}/additional_plugins/{number}"),
                    "plugin",
                    name.as_str(),
                )
            }));
        }
        for (at, kind, name) in names.into_iter().filter(|(_, _, name)| is_foreign(name)) {
            let message = format!(
                "the {kind} `{name}` has characters outside ASCII, which can look like others"
            );
            self.add(&at, "foreign_name", message);
        }
    }
}

/// A name that is written in other letters; one that cannot be seen as a whole is told otherwise.
fn is_foreign(name: &str) -> bool {
    !name.is_ascii() && names::complaint(name).is_none()
}
