//! What tells the tools in a sandbox to use the proxy.

use std::collections::BTreeMap;

use scc_runtime::SealedDirectory;

use crate::ManagerSettings;

/// Where the relay in the sandbox listens.
pub(crate) const PROXY: &str = "127.0.0.1:3128";

/// cargo looks for its configuration in every directory above the one it works in.
const CARGO: &str = "/.cargo";

/// The variables. Some tools read them in one case only, and Node wants to be told to look. What
/// runs in the sandbox itself is reached without the proxy.
pub(crate) fn variables(managers: &[&ManagerSettings]) -> BTreeMap<String, String> {
    let url = format!("http://{PROXY}");
    let local = "localhost,127.0.0.1,::1".to_owned();
    let mut variables = BTreeMap::from([("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned())]);
    for (name, value) in [
        ("http_proxy", &url),
        ("https_proxy", &url),
        ("no_proxy", &local),
    ] {
        variables.insert(name.to_owned(), value.clone());
        variables.insert(name.to_uppercase(), value.clone());
    }
    let own = managers.iter().flat_map(|settings| &settings.variables);
    variables.extend(own.cloned());
    variables
}

/// What cargo cannot be told by variables.
pub(crate) fn sealed(managers: &[&ManagerSettings]) -> Option<SealedDirectory> {
    let text = managers
        .iter()
        .find_map(|settings| settings.cargo.clone())?;
    Some(SealedDirectory {
        path: CARGO.to_owned(),
        files: [("config.toml".to_owned(), text.into())].into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_set() {
        let npm = ManagerSettings {
            variables: vec![(
                "npm_config_registry".to_owned(),
                "https://r.example/".to_owned(),
            )],
            cargo: None,
        };
        let all = variables(&[&npm]);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
            assert_eq!(all[name], "http://127.0.0.1:3128");
        }
        assert_eq!(all["no_proxy"], all["NO_PROXY"]);
        assert_eq!(all["npm_config_registry"], "https://r.example/");
        assert_eq!(sealed(&[&npm]), None);
    }
}
