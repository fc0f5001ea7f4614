//! Finding the rules that apply: from settings and environment to what `scc_launch` loads.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::{
    OrganizationSource, ProviderPreference, ProviderSection, SecretSource, TeamConfig, UserConfig,
};
use scc_launch::{
    CredentialFallback, Delivery, DeliveryInput, Fetched, Freshness, Governance, GovernanceError,
    GovernanceInput, OrgDocument, TeamChoice, detect_workspace, load_organization,
    load_team_document,
};
use scc_policy::{EffectivePolicy, PolicyInput};
use scc_provider::AgentProvider;
use scc_sources::{Attempt, FetchOptions, Loader, Source, SourceCache, TreeLimits, TreeLoader};
use scc_state::{PersonalProfile, StateDir};
use secrecy::SecretString;

use crate::commands::refresh;
use crate::context::Context;
use crate::error::{CertificateNamed, CliError};
use crate::output::{self, Printer};
use crate::{environment, host, secrets};

/// What a command asks the rules for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The root of the workspace.
    pub(crate) workspace: Option<PathBuf>,
    /// The team on the command line.
    pub(crate) team: Option<String>,
    /// What stands for the team's own document.
    pub(crate) team_file: Option<PathBuf>,
    /// What stands for the personal profile.
    pub(crate) profile: Option<PersonalProfile>,
    pub(crate) standalone: bool,
    pub(crate) offline: bool,
    pub(crate) force: bool,
    /// Wait for documents whose copies are past their time, instead of using these and having
    /// newer ones fetched in the background.
    pub(crate) wait: bool,
}

/// Everything that finding the rules takes.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: UserConfig,
    pub(crate) state: StateDir,
    asked: Asked,
    loader: Loader,
    fallback: CredentialFallback,
    /// Where the settings are: relative sources start here, and the user's exceptions are here.
    home: PathBuf,
    user_home: Option<PathBuf>,
    remote_commands: bool,
    now: Timestamp,
    printer: Printer,
    /// The warnings that were said already.
    said: RefCell<Vec<String>>,
    /// Newer documents are being fetched in the background.
    refreshing: Cell<bool>,
}

impl Rules {
    /// By the user's settings.
    pub(crate) fn open(context: &Context, asked: Asked) -> Result<Self, CliError> {
        Self::with_config(context, context.config()?, asked)
    }

    /// By other settings, such as those that are about to be recorded.
    pub(crate) fn with_config(
        context: &Context,
        config: UserConfig,
        asked: Asked,
    ) -> Result<Self, CliError> {
        let cache = SourceCache::open(context.cache_root.join("documents"))?;
        let loader = Loader::new(cache, fetch_options(&config)?);
        Ok(Self {
            state: context.state()?,
            asked,
            loader,
            fallback: environment::document_tokens(),
            home: context.config_dir().to_owned(),
            user_home: context.host.home.clone(),
            remote_commands: environment::allows_remote_commands(),
            now: Timestamp::now(),
            printer: context.printer,
            said: RefCell::default(),
            refreshing: Cell::default(),
            config,
        })
    }

    pub(crate) fn input(&self) -> GovernanceInput<'_> {
        GovernanceInput {
            config: &self.config,
            workspace: self.asked.workspace.as_deref(),
            team: self.asked.team.as_deref(),
            team_file: self.asked.team_file.as_deref(),
            profile: self.asked.profile.as_ref(),
            standalone: self.asked.standalone,
            offline: self.asked.offline,
            force_refresh: self.asked.force,
            background: !self.asked.wait,
            loader: &self.loader,
            base: &self.home,
            secret: &find_secret,
            fallback: &self.fallback,
            allow_remote_commands: self.remote_commands,
            state: &self.state,
            user_exceptions: &self.home,
            user_home: self.user_home.as_deref(),
            now: self.now,
            own_version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Marketplaces, with copies beside those of the documents.
    fn trees(&self, context: &Context) -> Result<TreeLoader, CliError> {
        let dir = context.cache_root.join("marketplaces");
        let options = fetch_options(&self.config)?;
        Ok(TreeLoader::open(dir, options, TreeLimits::default())?)
    }

    /// Does something that gets marketplaces for an agent.
    pub(crate) fn with_marketplaces<T>(
        &self,
        context: &Context,
        provider: &str,
        run: impl FnOnce(&DeliveryInput<'_>) -> T,
    ) -> Result<T, CliError> {
        let trees = self.trees(context)?;
        let notify = |source: &str| context.printer.note(&format!("fetching {source}"));
        let result = run(&DeliveryInput {
            governance: &self.input(),
            trees: &trees,
            registry: &context.registry,
            provider,
            notify: &notify,
        });
        self.warn(&self.state.take_warnings());
        Ok(result)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Every document that has a say.
    pub(crate) fn governance(&self) -> Result<Governance, CliError> {
        let governance = Governance::load(&self.input())?;
        self.warn(governance.warnings());
        if self.asked.offline {
            self.say_age(&governance);
        }
        if governance.wants_refresh() {
            self.refresh()?;
        }
        Ok(governance)
    }

    /// The organization's document alone; standalone is an error here.
    pub(crate) fn organization(&self) -> Result<OrgDocument, CliError> {
        let document = load_organization(&self.input())?.ok_or_else(standalone)?;
        self.warn(document.warnings());
        if document.wants_refresh() {
            self.refresh()?;
        }
        Ok(document)
    }

    /// How old the copies are that are used offline; those past their time have a warning already.
    fn say_age(&self, governance: &Governance) {
        let organization = governance.organization().map(|org| org.provenance());
        let team = governance.team_document().map(|team| &team.provenance);
        let all = organization.into_iter().chain(team);
        for from in all.filter(|from| from.freshness == Freshness::Cached) {
            let age = output::age(from.fetched_at, self.now);
            let note = format!(
                "offline: using the copy of `{}`, fetched {age} ago",
                from.source
            );
            self.printer.note(&note);
        }
    }

    /// The organization's copy, however old: nobody is asked.
    pub(crate) fn organization_copy(&self) -> Result<OrgDocument, CliError> {
        let input = GovernanceInput {
            offline: true,
            ..self.input()
        };
        load_organization(&input)?.ok_or_else(standalone)
    }

    /// The own document of a team; `None` where it keeps none.
    pub(crate) fn team_document(
        &self,
        organization: &OrgDocument,
        team: &str,
    ) -> Result<Option<Fetched<TeamConfig>>, CliError> {
        Ok(load_team_document(&self.input(), organization, team)?)
    }

    /// Has newer documents fetched while this command goes on.
    fn refresh(&self) -> Result<(), CliError> {
        if self.refreshing.replace(true) {
            return Ok(());
        }
        let team = TeamChoice::find(&self.input())?;
        if let Err(error) = refresh::spawn(team.as_ref().map(|team| team.name.as_str())) {
            let warning = format!("the rules are not refreshed: {error}");
            self.printer.warning(&warning);
        }
        Ok(())
    }

    /// What came of asking for a document the last time.
    pub(crate) fn last_attempt(&self, source: &Source) -> Result<Option<Attempt>, CliError> {
        Ok(self.loader.cache().last_attempt(source)?)
    }

    /// The lock of the one who fetches in the background; `None` while another does.
    pub(crate) fn refresh_lock(&self) -> Result<Option<File>, CliError> {
        let file = self.loader.cache().dir().join("refresh.lock");
        Ok(scc_state::files::try_lock(&file)?)
    }

    /// Says each warning once: a stale copy is not to be overlooked.
    fn warn(&self, warnings: &[String]) {
        let mut said = self.said.borrow_mut();
        for warning in warnings {
            if !said.contains(warning) {
                self.printer.warning(warning);
                said.push(warning.clone());
            }
        }
    }

    pub(crate) fn policy(
        &self,
        governance: &Governance,
        context: &Context,
    ) -> Result<EffectivePolicy, CliError> {
        let providers = context.registry.ids();
        let own = context.registry.iter();
        let own = own.flat_map(AgentProvider::own_marketplaces);
        let own: Vec<_> = own.map(|market| market.name).collect();
        let policy = governance.policy(&providers, &own, self.now);
        Ok(policy.map_err(GovernanceError::from)?)
    }
}

/// The user's settings as the rules let them be, and the rules.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) config: UserConfig,
    pub(crate) policy: EffectivePolicy,
    /// Certificate authorities of the organization, PEM text or files.
    authorities: Vec<String>,
    /// What both were found with; `None` before anything is set up.
    found: Option<(Rules, Governance)>,
}

impl Effective {
    /// What applies to a launch.
    pub(crate) fn load(context: &Context, asked: Asked) -> Result<Self, CliError> {
        let rules = Rules::open(context, asked)?;
        let governance = rules.governance()?;
        let policy = rules.policy(&governance, context)?;
        let mut config = rules.config.clone();
        for id in context.registry.ids() {
            let own = config.providers.remove(id).unwrap_or_default();
            let section = governance.provider_settings(id, &own)?;
            if section != ProviderSection::default() {
                config.providers.insert(id.to_owned(), section);
            }
        }
        let org = governance.org_config();
        let authorities = org.map(|org| org.value().ca_certificates.clone());
        Ok(Self {
            config,
            policy,
            authorities: authorities.unwrap_or_default(),
            found: Some((rules, governance)),
        })
    }

    /// The plugins and MCP servers that the rules let this agent have. Marketplaces are fetched
    /// where they are not here.
    pub(crate) fn delivery(&self, context: &Context, provider: &str) -> Result<Delivery, CliError> {
        let Some((rules, governance)) = &self.found else {
            return Ok(Delivery::default());
        };
        rules.with_marketplaces(context, provider, |input| {
            governance.delivery(&self.policy, input)
        })
    }

    /// The same before anything is set up, for what starts no agent.
    pub(crate) fn load_or_default(context: &Context) -> Result<Self, CliError> {
        match Self::load(context, Asked::default()) {
            Err(CliError::Governance(error)) if matches!(*error, GovernanceError::NotSetUp) => {
                Ok(Self {
                    config: context.config()?,
                    policy: scc_policy::evaluate(&PolicyInput::at(Timestamp::now()))
                        .map_err(GovernanceError::from)?,
                    authorities: Vec::new(),
                    found: None,
                })
            }
            loaded => loaded,
        }
    }

    /// The certificate authorities for images and sandboxes: the user's and the organization's.
    pub(crate) fn certificates(&self) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
        let is_text = |text: &&String| text.contains("-----BEGIN ");
        let own = &self.config.ca_certificates;
        let mut files = host::read_certificates(CertificateNamed::Setting("ca_certificates"), own)?;
        let named = self.authorities.iter().filter(|text| !is_text(text));
        let named: Vec<_> = named.map(PathBuf::from).collect();
        files.extend(host::read_certificates(
            CertificateNamed::Organization,
            &named,
        )?);
        let files = files.into_iter().enumerate();
        // Named as a Debian image wants them.
        let mut all: BTreeMap<_, _> = files
            .map(|(number, pem)| (format!("scc-{number}.crt"), pem))
            .collect();
        for (number, text) in self.authorities.iter().filter(is_text).enumerate() {
            let name = format!("scc-org-{number}.crt");
            all.insert(name, text.clone().into_bytes());
        }
        Ok(all)
    }
}

impl Context {
    /// The directory of the settings.
    pub(crate) fn config_dir(&self) -> &Path {
        self.config_file.parent().unwrap_or(Path::new("/"))
    }
}

/// Says that the preferred agent is none that the rules allow, since starts then use another. Rules
/// that cannot be read say nothing here; they refuse every start.
pub(crate) fn warn_about_preference(config: &UserConfig, context: &Context) {
    let Some(ProviderPreference::Id(id)) = &config.provider else {
        return;
    };
    let rules = Rules::with_config(context, config.clone(), Asked::default());
    let policy = rules.and_then(|rules| rules.policy(&rules.governance()?, context));
    if policy.is_ok_and(|policy| !policy.allowed_providers.contains(id)) {
        context.printer.warning(&format!(
            "the rules do not allow `{id}`, so that starts use another agent; see why: scc config \
             explain --field denied"
        ));
    }
}

fn standalone() -> CliError {
    CliError::Failed {
        message: "standalone: no organization is set up here".to_owned(),
        hint: "join one: scc org import SOURCE".to_owned(),
    }
}

/// The root of the workspace that a directory is in; the current one where none is named.
pub(crate) fn workspace_root(named: Option<&Path>) -> Result<PathBuf, CliError> {
    let at = named.unwrap_or(Path::new("."));
    Ok(detect_workspace(at)?.root)
}

fn fetch_options(config: &UserConfig) -> Result<FetchOptions, CliError> {
    let own = &config.ca_certificates;
    let mut authorities =
        host::read_certificates(CertificateNamed::Setting("ca_certificates"), own)?;
    let organization: Option<&OrganizationSource> = config.organization.as_ref();
    let of_source: Vec<_> = organization
        .and_then(|source| source.ca.clone())
        .into_iter()
        .collect();
    let named_by = CertificateNamed::Setting("organization.ca");
    authorities.extend(host::read_certificates(named_by, &of_source)?);
    Ok(FetchOptions {
        extra_authorities: authorities,
        proxy: environment::proxy(),
        git: environment::git(),
        ..FetchOptions::default()
    })
}

fn find_secret(source: &SecretSource) -> Result<SecretString, String> {
    secrets::resolve("organization.auth", source).map_err(|error| match error {
        CliError::Secret { reason, .. } => reason,
        other => other.to_string(),
    })
}
