//! The state of one judgement: what was asked, what is known, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::policy::{Action, Policy};
use crate::rules::{self, RuleInfo};
use crate::shell::{MAX_LENGTH, State};
use crate::verdict::{Decision, Finding, Group, Verdict, visible};
use crate::word::Word;
use crate::world::World;

/// How deeply commands may contain others: wrappers, texts for shells, functions, compound
/// commands. Real ones stay below ten.
const MAX_DEPTH: u32 = 60;

/// Through how many aliases of git a command is followed.
const MAX_ALIASES: u32 = 10;

/// How many words, commands and letters of results may be looked at. A text of 32 KiB without
/// loops needs a tenth of it.
const MAX_WORK: u64 = 400_000;

/// What going one level deeper counts for as work, at least.
const LEVEL_WORK: usize = 20;

/// How many words of a command are shown, and how many characters of each: an agent reads it all.
const MAX_WORDS: usize = 100;
const MAX_LETTERS: usize = 1000;

/// One judgement.
pub(crate) struct Judge<'a> {
    pub(crate) world: &'a dyn World,
    pub(crate) policy: &'a Policy,
    findings: Vec<Finding>,
    /// What the shell knows when the command that is being judged runs.
    pub(crate) state: State,
    /// Git's configuration that the text itself sets.
    pub(crate) configured: Vec<(String, Word)>,
    /// The programs of git's environment and configuration that are being judged: what they start
    /// sees the same ones.
    pub(crate) started: Vec<Word>,
    /// What was written to files whose names are known.
    pub(crate) files: BTreeMap<String, Word>,
    /// The word of the outermost text that holds the text which is being judged.
    pub(crate) outer: Option<Range<usize>>,
    /// The functions and aliases that were used.
    pub(crate) used: BTreeSet<String>,
    /// What is not known is not reported: the command may never run.
    pub(crate) lenient: bool,
    /// Git adds host and command to what the text starts.
    pub(crate) transport: bool,
    depth: u32,
    aliases: u32,
    work: u64,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(world: &'a dyn World, policy: &'a Policy) -> Self {
        Self {
            world,
            policy,
            findings: Vec::new(),
            state: State::default(),
            configured: Vec::new(),
            started: Vec::new(),
            files: BTreeMap::new(),
            outer: None,
            used: BTreeSet::new(),
            lenient: false,
            transport: false,
            depth: 0,
            aliases: 0,
            work: 0,
        }
    }

    /// Records what a rule found in a command: `offending` are the words, `words` the command.
    pub(crate) fn find(&mut self, rule: &RuleInfo, offending: &[&Word], words: &[Word]) {
        let doubted = offending.iter().any(|word| word.doubt().is_some());
        if self.lenient && doubted {
            return;
        }
        let shown: Vec<_> = offending.iter().map(|word| word.shown()).collect();
        let shown = visible(&cut(&shown.join(" "), 80));
        let mut command: Vec<_> = words
            .iter()
            .take(MAX_WORDS)
            .map(|word| cut(&word.shown(), MAX_LETTERS))
            .collect();
        if words.len() > MAX_WORDS {
            command.push("…".to_owned());
        }
        self.record(Finding {
            rule: rule.id.clone(),
            group: rule.group,
            reason: format!("`{shown}` {}", rule.why),
            alternative: rule.alternative.map(str::to_owned),
            span: covered(offending),
            command,
        });
    }

    /// Records that a text could not be judged.
    pub(crate) fn give_up(&mut self, rule: &RuleInfo, span: Range<usize>) {
        self.record(Finding {
            rule: rule.id.clone(),
            group: rule.group,
            reason: format!("the command {}", rule.why),
            alternative: rule.alternative.map(str::to_owned),
            span: self.outer.clone().unwrap_or(span),
            command: Vec::new(),
        });
    }

    fn record(&mut self, finding: Finding) {
        if !self.policy.is_on(finding.group) {
            return;
        }
        // A setting of the command line is found once more in what the repository says.
        let same = self.findings.iter_mut().find(|other| {
            let holds = |outer: &Range<usize>, inner: &Range<usize>| {
                outer.start <= inner.start && inner.end <= outer.end
            };
            let near = holds(&other.span, &finding.span) || holds(&finding.span, &other.span);
            near && other.rule == finding.rule
                && other.reason == finding.reason
                && other.command == finding.command
        });
        match same {
            Some(same) if finding.span.len() < same.span.len() => same.span = finding.span,
            Some(_) => {}
            None => self.findings.push(finding),
        }
    }

    /// Remembers what is written to a file, if its name is known.
    pub(crate) fn write(&mut self, file: &Word, text: &Word, append: bool) {
        let Some(name) = file.get().filter(|name| !name.starts_with("/dev/")) else {
            return;
        };
        let key = name.strip_prefix("./").unwrap_or(name).to_owned();
        let before = self.files.remove(&key).filter(|_| append);
        let mut held = before.unwrap_or_default();
        held.push_word(text);
        if held.len() > MAX_LENGTH {
            self.give_up(rules::TOO_LONG, file.span.clone());
        } else {
            self.files.insert(key, held);
        }
    }

    /// Judges what a command contains, one level deeper; beyond the last level it is refused.
    pub(crate) fn deeper<T: Default>(
        &mut self,
        span: &Range<usize>,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if !self.enter(span) {
            return T::default();
        }
        let result = inner(self);
        self.leave();
        result
    }

    /// Goes one level deeper. False if there is none, or work has been too much: the command is
    /// refused then.
    pub(crate) fn enter(&mut self, span: &Range<usize>) -> bool {
        if !self.spend(LEVEL_WORK, span) {
            return false;
        }
        if self.depth >= MAX_DEPTH {
            self.give_up(rules::TOO_DEEP, span.clone());
            return false;
        }
        self.depth += 1;
        true
    }

    /// Leaves the level that [`Judge::enter`] went to.
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Counts work. False, and the command refused, once it was too much.
    pub(crate) fn spend(&mut self, work: usize, span: &Range<usize>) -> bool {
        let before = self.work;
        self.work = before.saturating_add(work as u64);
        if self.work > MAX_WORK && before <= MAX_WORK {
            self.give_up(rules::TOO_COMPLEX, span.clone());
        }
        self.work <= MAX_WORK
    }

    /// A mark for [`Judge::found_since`] and [`Judge::forget`].
    pub(crate) fn mark(&self) -> usize {
        self.findings.len()
    }

    /// What was found since a mark.
    pub(crate) fn findings_since(&mut self, mark: usize) -> &mut [Finding] {
        self.findings.get_mut(mark..).unwrap_or_default()
    }

    /// Gives what was found since a mark another alternative than its rule's.
    pub(crate) fn suggest(&mut self, mark: usize, alternative: &str) {
        for finding in self.findings_since(mark) {
            finding.alternative = Some(alternative.to_owned());
        }
    }

    pub(crate) fn found_since(&self, mark: usize) -> bool {
        self.findings.len() > mark
    }

    /// Takes back what was found since a mark in groups of this kind.
    pub(crate) fn forget(&mut self, mark: usize, kind: impl Fn(Group) -> bool) {
        let mut number = 0;
        self.findings.retain(|finding| {
            number += 1;
            number <= mark || !kind(finding.group)
        });
    }

    /// Goes through one more alias of git. False if there were too many.
    pub(crate) fn enter_alias(&mut self) -> bool {
        self.aliases += 1;
        self.aliases <= MAX_ALIASES
    }

    pub(crate) fn leave_alias(&mut self) {
        self.aliases = self.aliases.saturating_sub(1);
    }

    /// What is not known is taken for the worse, or left to the judgement of the command as it is
    /// executed, if there is one.
    pub(crate) fn or_worse(&self, known: Option<bool>) -> bool {
        known.unwrap_or(!self.world.is_judged_again())
    }

    /// A variable that the command would see, if its value is known.
    pub(crate) fn env(&self, name: &str) -> Option<Word> {
        match self.state.scalar(name) {
            Some(word) => Some(word.clone()),
            None if self.state.is_cleared() => None,
            None => self.world.env(name).map(|text| Word::known(text, 0..0)),
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

/// The first characters, and a mark where there are more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn covered(words: &[&Word]) -> Range<usize> {
    let start = words.iter().map(|word| word.span.start).min();
    let end = words.iter().map(|word| word.span.end).max();
    start.unwrap_or_default()..end.unwrap_or_default()
}
