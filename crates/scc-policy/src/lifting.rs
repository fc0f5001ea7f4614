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
        if let Some(left) = left {
            decision.hold_besides(&left.message, left.next_step.clone(), layers);
        }
    }
    Ok(())
}

impl Decision {
    /// Says what else stands against the item, so that no exception helps.
    pub(crate) fn hold_besides(&mut self, why: &str, step: Option<String>, layers: &Layers<'_>) {
        if self.liftable {
            self.liftable = false;
            self.message = format!("{}; besides, {why}", self.message);
            self.next_step = step.or_else(|| Some(format!("ask {}", layers.contact())));
        }
    }
}

/// A duplicate is there all the same, by another layer. Whose name is taken by what is there without
/// any exception was told so; here it could be taken by what another exception would let in.
fn stands_against(left: &Decision) -> bool {
    let is_name = matches!(left.reason, Reason::Duplicate | Reason::NameTaken);
    left.outcome != Outcome::Allowed && !is_name
}
