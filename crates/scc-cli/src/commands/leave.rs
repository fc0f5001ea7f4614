//! Leaving an organization, which never happens by the way.

use scc_config::UserConfig;

use crate::context::Context;
use crate::error::CliError;
use crate::prompt::Prompter;

/// Asks before other rules take the place of an organization's, unless `yes` says so already.
pub(crate) fn confirm(
    before: &UserConfig,
    after: &UserConfig,
    yes: bool,
    prompter: Prompter,
    context: &Context,
) -> Result<(), CliError> {
    let Some(left) = left(before, after, context) else {
        return Ok(());
    };
    let instead = CliError::Usage {
        message: format!("the rules of an organization are recorded here: {left}"),
        hint: "pass --yes to leave it".to_owned(),
    };
    if yes || prompter.confirm(&format!("Leave the organization of {left}?"), instead)? {
        return Ok(());
    }
    Err(CliError::CANCELLED)
}

/// The source of the organization that is left, without what may be a secret.
fn left(before: &UserConfig, after: &UserConfig, context: &Context) -> Option<String> {
    let source = |config: &UserConfig| {
        let recorded = config.organization.as_ref()?;
        let source = scc_launch::org_source(recorded, context.config_dir());
        let text = recorded.source.split('?').next().unwrap_or_default();
        Some(source.map_or_else(|_| text.to_owned(), |source| source.to_string()))
    };
    let left = source(before)?;
    let switched_off = after.standalone && !before.standalone;
    let stays = source(after).as_ref() == Some(&left);
    (switched_off || !stays).then_some(left)
}
