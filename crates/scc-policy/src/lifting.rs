//! Whether an exception of the developer's own would help: the policy is made once more, as if there
//! were one for everything that one can lift.

use std::collections::{HashMap, VecDeque};

use crate::decision::{Decision, ItemKind, Layer, Outcome, Reason};
use crate::error::PolicyError;
use crate::evaluate;
use crate::layers::Layers;

/// What one layer asked for at one place.
type Key = (ItemKind, String, Layer, Option<String>, Option<u64>);

fn key(decision: &Decision) -> Key {
    (
        decision.kind,
        decision.item.clone(),
        decision.layer,
        decision.file.clone(),
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
    // Both times everything is asked for in the same order.
    let mut then: HashMap<Key, VecDeque<&Decision>> = HashMap::new();
    for decision in &lifted.decisions {
        then.entry(key(decision)).or_default().push_back(decision);
    }
    for decision in decisions {
        let left = then.get_mut(&key(decision)).and_then(VecDeque::pop_front);
        let left = left.filter(|left| decision.liftable && stands_against(left));
        if let Some(left) = left.cloned() {
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
