//! Settings of providers that an organization prescribes.

use scc_config::{OrgConfig, ProviderSection};

/// The settings of a provider: where the organization has a value, it wins over the user's.
pub fn org_provider_settings(org: &OrgConfig, id: &str, user: &ProviderSection) -> ProviderSection {
    let Some(provider) = org.providers.get(id) else {
        return user.clone();
    };
    let ruled = provider.section();
    ProviderSection {
        version: ruled.version.or_else(|| user.version.clone()),
        base_url: ruled.base_url.or_else(|| user.base_url.clone()),
        api_key: ruled.api_key.or_else(|| user.api_key.clone()),
        model: ruled.model.or_else(|| user.model.clone()),
    }
}
