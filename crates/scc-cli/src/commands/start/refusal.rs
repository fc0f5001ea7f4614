//! Starts that the rules refuse, in the audit log.

use jiff::Timestamp;
use scc_launch::{Refusal, detect_workspace, record_refusal};

use super::Args;
use crate::context::Context;
use crate::error::CliError;

/// Records a start that was refused before there was a plan for it: by the rules, or because they
/// cannot be read. Wrong usage and what is merely missing are no refusals.
pub(super) fn record(error: &CliError, args: &Args, context: &Context) {
    let refused = matches!(error, CliError::Governance(_)) || matches!(error.exit_code(), 3 | 6);
    if !refused {
        return;
    }
    let named = args.workspace_path();
    let workspace = detect_workspace(&named).map_or(named, |found| found.root);
    let refusal = Refusal {
        workspace: &workspace,
        provider: args.provider.as_deref(),
        reason: &error.full_message(),
    };
    let recorded = context
        .state()
        .and_then(|state| Ok(record_refusal(&state, &refusal, Timestamp::now())?));
    if let Err(error) = recorded {
        // It stays refused all the same.
        let warning = format!("the refusal was not recorded: {}", error.full_message());
        context.printer.warning(&warning);
    }
}
