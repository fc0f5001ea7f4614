//! Whether an exception of the developer's own would help: the policy is made once more, as if there
//! were one for everything that one can lift.

use std::collections::HashMap;

use crate::decision::{Decision, ItemKind, Layer, Outcome, Reason};
use crate::error::PolicyError;
use crate::evaluate;
use crate::layers::Layers;

/// What one layer asked for at one place.
type Key<'a> = (ItemKind, &'a str, Layer, Option<&'a str>, Option<u64>);

fn key(decision: &Decision) -> Key<'_> {
    (
        decision.kind,
        &decision.item,
        decision.layer,
        decision.file.as_deref(),
        decision.line,
    )
}

/// Says about denials what else stands against the item, where an exception alone would change
/// nothing; nobody is told to make one then.
pub(crate) fn correct(layers: &Layers<'_>, decisions: &mut [Decision]) -> Result<(), PolicyError> {
    if layers.assumes_lifted || !decisions.iter().any(|decision| decision.liftable) {
        return Ok(());
    }
    let lifted = evaluate::of(&Layers {
        assumes_lifted: true,
        ..*layers
    })?;
    let mut then: HashMap<Key<'_>, Vec<&Decision>> = HashMap::new();
    for decision in &lifted.decisions {
        then.entry(key(decision)).or_default().push(decision);
    }
    for decision in decisions.iter_mut().filter(|decision| decision.liftable) {
        let left = then.get(&key(decision)).into_iter().flatten();
        let left: Option<Decision> = left.copied().find(|left| stands_against(left)).cloned();
        if let Some(left) = left {
            let ask = || format!("ask {}", layers.contact());
            decision.liftable = false;
            decision.message = format!("{}; besides, {}", decision.message, left.message);
            decision.next_step = Some(left.next_step.unwrap_or_else(ask));
        }
    }
    Ok(())
}

/// A duplicate is there all the same, by another layer.
fn stands_against(left: &Decision) -> bool {
    left.outcome != Outcome::Allowed && left.reason != Reason::Duplicate
}
