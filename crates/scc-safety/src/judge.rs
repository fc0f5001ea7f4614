//! The state of one judgement: what was asked, and what was found.

use std::ops::Range;

use crate::policy::{Action, Policy};
use crate::rules::RuleInfo;
use crate::verdict::{Decision, Finding, Verdict};
use crate::word::Word;
use crate::world::World;

/// One judgement.
pub(crate) struct Judge<'a> {
    pub(crate) world: &'a dyn World,
    policy: &'a Policy,
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(world: &'a dyn World, policy: &'a Policy) -> Self {
        Self {
            world,
            policy,
            findings: Vec::new(),
        }
    }

    /// Records what a rule found in a command: `offending` are the words, `words` the command.
    pub(crate) fn find(&mut self, rule: &RuleInfo, offending: &[&Word], words: &[Word]) {
        let shown: Vec<String> = offending.iter().map(|word| word.shown()).collect();
        let reason = format!("`{}` {}", shown.join(" "), rule.why);
        let span = covered(offending);
        let command = words.iter().map(Word::shown).collect();
        self.record(rule, reason, span, command);
    }

    fn record(
        &mut self,
        rule: &RuleInfo,
        reason: String,
        span: Range<usize>,
        command: Vec<String>,
    ) {
        if !self.policy.is_on(rule.group) {
            return;
        }
        let finding = Finding {
            rule: rule.id.clone(),
            group: rule.group,
            reason,
            alternative: rule.alternative.map(str::to_owned),
            span,
            command,
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(crate) fn verdict(self) -> Verdict {
        let decision = match self.policy.action {
            _ if self.findings.is_empty() => Decision::Allow,
            Action::Block => Decision::Refuse,
            Action::Warn => Decision::Warn,
            Action::Allow => Decision::Allow,
        };
        Verdict {
            decision,
            findings: self.findings,
        }
    }
}

fn covered(words: &[&Word]) -> Range<usize> {
    let start = words.iter().map(|word| word.span.start).min();
    let end = words.iter().map(|word| word.span.end).max();
    start.unwrap_or_default()..end.unwrap_or_default()
}
