//! Which version of each marketplace is used: the lock file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{Loaded, StateDir, StateError};

/// The version of a marketplace that is used until somebody moves on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketplacePin {
    /// The source, without what may be a secret.
    pub source: String,
    /// The commit, where it comes from a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 over the files.
    pub digest: String,
    /// When it was pinned.
    pub pinned_at: Timestamp,
}

/// By a key that stands for the source, its branch and its folder.
type Pins = BTreeMap<String, MarketplacePin>;

impl StateDir {
    /// The pin of a marketplace.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn marketplace_pin(&self, key: &str) -> Result<Option<MarketplacePin>, StateError> {
        Ok(self.marketplace_pins()?.remove(key))
    }

    /// All pins.
    ///
    /// # Errors
    /// As for [`StateDir::marketplace_pin`].
    pub fn marketplace_pins(&self) -> Result<BTreeMap<String, MarketplacePin>, StateError> {
        let loaded = self.marketplaces().read::<Pins>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value)
    }

    /// Pins a marketplace that is used for the first time. Returns the pin that holds: where
    /// another command was faster, that is the other's.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn pin_marketplace(
        &self,
        key: &str,
        pin: MarketplacePin,
    ) -> Result<MarketplacePin, StateError> {
        let now = pin.pinned_at;
        self.change_pins(now, |pins| {
            pins.entry(key.to_owned()).or_insert(pin).clone()
        })
    }

    /// Moves a pin, or sets the first. Returns the one that held before.
    ///
    /// # Errors
    /// As for [`StateDir::pin_marketplace`].
    pub fn move_marketplace_pin(
        &self,
        key: &str,
        pin: MarketplacePin,
    ) -> Result<Option<MarketplacePin>, StateError> {
        let now = pin.pinned_at;
        self.change_pins(now, |pins| pins.insert(key.to_owned(), pin))
    }

    fn change_pins<R>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Pins) -> R,
    ) -> Result<R, StateError> {
        let Loaded { value, warnings } = self.marketplaces().update(Some(now), change)?;
        self.warn(warnings);
        Ok(value)
    }

    fn marketplaces(&self) -> Document {
        Document::new(self.root(), "marketplaces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(digest: &str) -> MarketplacePin {
        MarketplacePin {
            source: "github:o/r".to_owned(),
            commit: None,
            digest: digest.to_owned(),
            pinned_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_first_pin_holds_until_it_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path().to_owned()).unwrap();
        assert_eq!(state.marketplace_pin("k").unwrap(), None);
        assert_eq!(state.pin_marketplace("k", pin("1")).unwrap(), pin("1"));
        assert_eq!(state.pin_marketplace("k", pin("2")).unwrap(), pin("1"));
        assert_eq!(
            state.move_marketplace_pin("k", pin("3")).unwrap(),
            Some(pin("1"))
        );
        assert_eq!(state.marketplace_pin("k").unwrap(), Some(pin("3")));
        assert_eq!(state.marketplace_pins().unwrap().len(), 1);
    }
}
