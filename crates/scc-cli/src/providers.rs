//! The one place that names providers. A further one is a line here.

use scc_provider::{AgentProvider, Registry};
use scc_provider_claude::Claude;
use scc_provider_codex::Codex;

fn real() -> Vec<Box<dyn AgentProvider>> {
    vec![Box::new(Claude), Box::new(Codex)]
}

/// The providers of the released command.
#[must_use]
pub fn all() -> Registry {
    Registry::new(real())
}

/// Those, and a scripted shell agent.
#[cfg(feature = "testing")]
#[must_use]
pub fn with_script() -> Registry {
    let mut providers = real();
    providers.push(Box::new(scc_provider_script::Script));
    Registry::new(providers)
}
