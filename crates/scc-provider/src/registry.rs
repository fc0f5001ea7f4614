//! The providers that a program was built with.

use std::sync::Arc;

use crate::AgentProvider;

/// The providers of a program, in the order in which they are offered.
#[derive(Clone, Default)]
pub struct Registry {
    providers: Arc<[Box<dyn AgentProvider>]>,
}

impl Registry {
    /// A registry of `providers`; the order is the order of display.
    #[must_use]
    pub fn new(providers: Vec<Box<dyn AgentProvider>>) -> Self {
        Self {
            providers: providers.into(),
        }
    }

    /// The provider with that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&dyn AgentProvider> {
        self.iter().find(|provider| provider.id() == id)
    }

    /// All providers, in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn AgentProvider> {
        self.providers.iter().map(AsRef::as_ref)
    }

    /// All ids, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<&'static str> {
        self.iter().map(AgentProvider::id).collect()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}
