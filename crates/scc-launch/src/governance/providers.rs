//! Settings of providers that an organization prescribes.

use scc_config::{OrgConfig, OrgProvider, ProviderSection};

/// The settings of a provider: a value of the team wins over the organization's, and that over the
/// user's.
pub fn org_provider_settings(
    org: &OrgConfig,
    team: Option<&str>,
    id: &str,
    user: &ProviderSection,
) -> ProviderSection {
    let team = team.and_then(|team| org.profiles.get(team)?.providers.get(id));
    let everybody = org.providers.get(id).map(OrgProvider::section);
    let ruled = [team.cloned(), everybody];
    ruled
        .into_iter()
        .flatten()
        .chain([user.clone()])
        .fold(ProviderSection::default(), or)
}

/// The first values, and the second where the first has none.
fn or(first: ProviderSection, second: ProviderSection) -> ProviderSection {
    ProviderSection {
        version: first.version.or(second.version),
        base_url: first.base_url.or(second.base_url),
        api_key: first.api_key.or(second.api_key),
        model: first.model.or(second.model),
    }
}
