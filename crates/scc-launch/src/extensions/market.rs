//! Marketplaces and skills: where they are, which version of them is used, and getting it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use scc_config::{ArtifactKind, Marketplace};
use scc_policy::EffectivePolicy;
use scc_provider::OwnMarketplace;
use scc_sources::{AuthHeader, FetchedTree, Source, SourceError, Tree, TreeLoader};
use scc_state::MarketplacePin;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{DeliveryInput, ExtensionError, skills};
use crate::governance::{Governance, Headers, reach};
use crate::names::hex;

/// The version of a marketplace or a skill that is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MarketVersion {
    /// The source, without what may be a secret.
    pub source: String,
    /// The commit, where it comes from a git repository.
    pub commit: Option<String>,
    /// SHA-256 over its files.
    pub digest: String,
    /// When it was pinned; `None` for a directory, which is taken as it is.
    pub pinned_at: Option<Timestamp>,
}

impl MarketVersion {
    /// The beginning of the commit, or of the digest where there is none.
    #[must_use]
    pub fn short(&self) -> &str {
        let whole = self.commit.as_deref().unwrap_or(&self.digest);
        whole.get(..12).unwrap_or(whole)
    }
}

/// A marketplace with its files.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) version: MarketVersion,
    pub(super) tree: Tree,
}

/// The marketplaces of a policy. Each is got once.
pub(super) struct Markets<'a> {
    pub(super) places: Places<'a>,
    got: BTreeMap<String, Market>,
}

/// Where marketplaces are.
pub(super) struct Places<'a> {
    governance: &'a Governance,
    policy: &'a EffectivePolicy,
    input: &'a DeliveryInput<'a>,
}

/// Where one marketplace or skill is.
pub(super) struct Place<'a> {
    /// Its name in the rules.
    pub(super) name: String,
    pub(super) kind: PlaceKind,
    pub(super) source: Source,
    /// What is meant of all that is there; empty for all of it.
    pub(super) folder: String,
    pub(super) headers: Option<&'a Headers>,
    pub(super) is_directory: bool,
}

/// What is fetched as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceKind {
    /// A marketplace of plugins.
    Marketplace,
    /// A skill of a bundle.
    Skill,
}

impl PlaceKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketplace => "marketplace",
            Self::Skill => "skill",
        }
    }
}

/// Something whose place is not known, with the reason.
pub(super) type Nowhere = (PlaceKind, String, ExtensionError);

impl<'a> Markets<'a> {
    pub(super) fn new(
        governance: &'a Governance,
        policy: &'a EffectivePolicy,
        input: &'a DeliveryInput<'a>,
    ) -> Self {
        Self {
            places: Places {
                governance,
                policy,
                input,
            },
            got: BTreeMap::new(),
        }
    }

    /// The marketplace of this name in any case, and its name as the rules write it.
    pub(super) fn get(&mut self, name: &str) -> Result<(String, Market), ExtensionError> {
        let place = self.places.find(name)?;
        if let Some(market) = self.got.get(&place.name) {
            return Ok((place.name, market.clone()));
        }
        let market = self.places.market(&place)?;
        self.got.insert(place.name.clone(), market.clone());
        Ok((place.name, market))
    }
}

impl<'a> Places<'a> {
    pub(super) fn new(
        governance: &'a Governance,
        policy: &'a EffectivePolicy,
        input: &'a DeliveryInput<'a>,
    ) -> Self {
        Self {
            governance,
            policy,
            input,
        }
    }

    /// Those of the rules, those that agents know by themselves, and those of skills.
    pub(super) fn all(&self) -> Vec<Result<Place<'a>, Nowhere>> {
        let market = PlaceKind::Marketplace;
        let named = self.policy.marketplaces.iter();
        let named = named.map(|(name, entry)| {
            let place = self.place(name, &entry.marketplace);
            place.map_err(|error| (market, name.clone(), error))
        });
        let own = self
            .own()
            .map(|own| own_place(&own).map_err(|error| (market, own.name.to_owned(), error)));
        let skills = self.policy.artifacts.iter();
        let skills = skills.filter(|(_, artifact)| artifact.kind == ArtifactKind::Skill);
        let skills = skills.filter_map(|(name, artifact)| {
            match skills::place(self, name, &artifact.source) {
                // It never was anywhere.
                Err(ExtensionError::Artifact(_)) => None,
                place => Some(place.map_err(|error| (PlaceKind::Skill, name.clone(), error))),
            }
        });
        named.chain(own).chain(skills).collect()
    }

    pub(super) fn find(&self, name: &str) -> Result<Place<'a>, ExtensionError> {
        let is_meant = |other: &str| other.to_lowercase() == name.to_lowercase();
        let mut named = self.policy.marketplaces.iter();
        if let Some((name, entry)) = named.find(|(other, _)| is_meant(other)) {
            return self.place(name, &entry.marketplace);
        }
        match self.own().find(|own| is_meant(own.name)) {
            Some(own) => own_place(&own),
            None => Err(ExtensionError::NoSource(name.to_owned())),
        }
    }

    fn own(&self) -> impl Iterator<Item = OwnMarketplace> {
        let all = self.input.registry.iter();
        all.flat_map(|provider| provider.own_marketplaces().iter().copied())
    }

    fn place(&self, name: &str, market: &'a Marketplace) -> Result<Place<'a>, ExtensionError> {
        let folder = |path: &'a str| Some(path.trim_matches('/')).filter(|path| !path.is_empty());
        let (source, headers) = match market {
            Marketplace::Github(at) => {
                let path = folder(&at.path);
                let source = Source::github(&at.owner, &at.repo, Some(&at.branch), path)?;
                (source, Some(&at.headers))
            }
            Marketplace::Git(at) => (
                Source::git(&at.url, Some(&at.branch), folder(&at.path))?,
                None,
            ),
            Marketplace::Url(at) => (Source::https(&at.url)?, Some(&at.headers)),
            Marketplace::Directory(at) => (self.directory(&at.path)?, None),
        };
        Ok(Place {
            name: name.to_owned(),
            kind: PlaceKind::Marketplace,
            source,
            folder: String::new(),
            headers,
            is_directory: matches!(market, Marketplace::Directory(_)),
        })
    }

    /// A directory that only the organization's own document on this machine may name, and that no
    /// agent can write.
    pub(super) fn directory(&self, path: &str) -> Result<Source, ExtensionError> {
        let refused = |reason| ExtensionError::Directory {
            path: path.to_owned(),
            reason,
        };
        let organization = self.governance.organization();
        let document = organization.filter(|organization| organization.is_local());
        let Some(document) = document else {
            return Err(refused("which a document from elsewhere may not name"));
        };
        let file = document.source().to_text();
        let base = Path::new(&file).parent().unwrap_or(Path::new("/"));
        let full = base.join(path);
        if let Some(workspace) = self.input.governance.workspace {
            if reach::leads_through(&full, workspace) {
                let reason = "which is in the workspace, where the agent can write, or is reached through it";
                return Err(refused(reason));
            }
            if reach::contains(&full, workspace) {
                return Err(refused(
                    "which has the workspace in it, where the agent can write",
                ));
            }
        }
        Ok(Source::parse(&full.to_string_lossy(), base)?)
    }

    /// The version that is pinned; the newest, which is pinned then, where none is.
    pub(super) fn market(&self, place: &Place<'_>) -> Result<Market, ExtensionError> {
        if place.is_directory {
            let fetched = self.fetch(place, None)?;
            return Ok(market(place, None, fetched.tree));
        }
        let state = self.input.governance.state;
        let key = key(&place.source);
        let pin = match state.marketplace_pin(&key)? {
            Some(pin) => pin,
            None => {
                self.online(place)?;
                let fetched = self.fetch(place, None)?;
                state.pin_marketplace(&key, self.pin(place, &fetched))?
            }
        };
        let tree = self.pinned(place, &key, &pin)?;
        Ok(market(place, Some(&pin), tree))
    }

    fn pinned(
        &self,
        place: &Place<'_>,
        key: &str,
        pin: &MarketplacePin,
    ) -> Result<Tree, ExtensionError> {
        if let Some(tree) = self.trees().copy(&pin.digest)? {
            return Ok(tree);
        }
        self.online(place)?;
        let fetched = self.fetch(place, pin.commit.as_deref())?;
        if fetched.tree.digest() == pin.digest {
            return Ok(fetched.tree);
        }
        if pin.commit.is_some() && fetched.commit == pin.commit {
            // The commit vouches for the files; another scc has read them by other limits.
            let digest = fetched.tree.digest().to_owned();
            let pin = MarketplacePin {
                digest,
                ..pin.clone()
            };
            self.input.governance.state.move_marketplace_pin(key, pin)?;
            return Ok(fetched.tree);
        }
        Err(ExtensionError::Changed {
            from: place.source.to_string(),
        })
    }

    pub(super) fn fetch(
        &self,
        place: &Place<'_>,
        commit: Option<&str>,
    ) -> Result<FetchedTree, ExtensionError> {
        let auth = self.auth(place)?;
        if !place.is_directory {
            (self.input.notify)(&place.source.to_string());
        }
        Ok(self.trees().fetch(&place.source, commit, auth.as_ref())?)
    }

    pub(super) fn pin(&self, place: &Place<'_>, fetched: &FetchedTree) -> MarketplacePin {
        MarketplacePin {
            source: place.source.to_string(),
            commit: fetched.commit.clone(),
            digest: fetched.tree.digest().to_owned(),
            pinned_at: self.input.governance.now,
        }
    }

    fn trees(&self) -> &'a TreeLoader {
        self.input.trees
    }

    fn online(&self, place: &Place<'_>) -> Result<(), ExtensionError> {
        match self.input.governance.offline {
            true => Err(ExtensionError::Offline {
                from: place.source.to_string(),
            }),
            false => Ok(()),
        }
    }

    fn auth(&self, place: &Place<'_>) -> Result<Option<AuthHeader>, ExtensionError> {
        let input = self.input.governance;
        let find = self
            .governance
            .credential(input, place.headers, &place.source);
        let found = find.and_then(|find| find.map(|find| find()).transpose());
        found.map_err(|reason| {
            let from = place.source.to_string();
            ExtensionError::Source(SourceError::Credentials { from, reason })
        })
    }
}

impl Place<'_> {
    /// Whether versions of it are pinned.
    pub(super) fn is_pinned(&self) -> bool {
        !self.is_directory
    }
}

fn own_place<'a>(own: &OwnMarketplace) -> Result<Place<'a>, ExtensionError> {
    Ok(Place {
        name: own.name.to_owned(),
        kind: PlaceKind::Marketplace,
        source: Source::github(own.owner, own.repo, None, None)?,
        folder: String::new(),
        headers: None,
        is_directory: false,
    })
}

fn market(place: &Place<'_>, pin: Option<&MarketplacePin>, tree: Tree) -> Market {
    Market {
        version: MarketVersion {
            source: place.source.to_string(),
            commit: pin.and_then(|pin| pin.commit.clone()),
            digest: tree.digest().to_owned(),
            pinned_at: pin.map(|pin| pin.pinned_at),
        },
        tree,
    }
}

/// What a pin is kept under: all of the source, of which a part may be a secret.
pub(super) fn key(source: &Source) -> String {
    hex(&Sha256::digest(source.to_text()), 16)
}
