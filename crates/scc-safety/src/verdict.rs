//! What the engine says about a command.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What is to happen with a command, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is to happen.
    pub decision: Decision,
    /// Everything that a rule found; empty exactly when the decision is [`Decision::Allow`].
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The command must not run.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.decision == Decision::Refuse
    }
}

/// As it is told to whoever gave the command: rule, reason and alternative of every finding, each on
/// a line that ends; nothing where the command is allowed.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.decision {
            Decision::Refuse => "refused",
            Decision::Warn | Decision::Allow => "warns about",
        };
        for finding in &self.findings {
            match finding.command.is_empty() {
                true => writeln!(f, "scc {verb} the command ({})", finding.rule)?,
                false => {
                    let command = command_line(&finding.command);
                    writeln!(f, "scc {verb} `{command}` ({})", finding.rule)?;
                }
            }
            writeln!(f, "  why:     {}", finding.reason)?;
            if let Some(alternative) = &finding.alternative {
                writeln!(f, "  instead: {alternative}")?;
            }
        }
        Ok(())
    }
}

/// A command on one line, without anything that would act on a terminal.
#[must_use]
pub fn command_line(words: &[String]) -> String {
    let shown: Vec<_> = words
        .iter()
        .map(|word| {
            let plain = visible(word);
            match word.is_empty() || word.contains([' ', '\t', '\n', '\'', '"']) {
                true => format!("'{}'", plain.replace('\'', r"'\''")),
                false => plain,
            }
        })
        .collect();
    shown.join(" ")
}

/// Without anything that would act on a terminal, or make letters stand where they are not.
pub(crate) fn visible(text: &str) -> String {
    let show = |c: char| {
        let escaped = acts(c).then(|| c.escape_default());
        let plain = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(plain)
    };
    text.chars().flat_map(show).collect()
}

/// Controls, and what has no form of its own: marks of direction, joiners, ends of lines.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{feff}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// What is to happen with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It runs.
    Allow,
    /// It runs, after a warning.
    Warn,
    /// It does not run.
    Refuse,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// The rule's group, which is what a policy switches.
    pub group: Group,
    /// What would be lost, naming the words that do it.
    pub reason: String,
    /// What to do instead; commands in it stand in backticks and are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    /// Where the offending words are: bytes of the shell text, or indices of the argv. In a text
    /// within a text (`sh -c`, `eval`) it is the outermost word that holds them.
    pub span: Range<usize>,
    /// The command that would run, as its words; `…` stands for what is not known, and for what is cut
    /// of words of over 1000 characters and behind the first 100 words.
    pub command: Vec<String>,
}

/// The stable name of a rule, like `git.push.force`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub(crate) Cow<'static, str>);

impl RuleId {
    pub(crate) const fn new(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group of rules, which is what a policy switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Overwriting a branch or tag of a remote.
    ForcePush,
    /// Discarding uncommitted work with `git reset`.
    ResetHard,
    /// Deleting or moving a branch whose commits are on no other.
    BranchForceDelete,
    /// Overwriting files with `git checkout`, `switch`, `restore` and their plumbing.
    CheckoutRestore,
    /// Deleting untracked files.
    Clean,
    /// Deleting stashed work.
    StashDestructive,
    /// Rewriting history, deleting references, work trees and `.git` itself.
    HistoryRewrite,
    /// Deleting branches and tags of a remote.
    RemoteDelete,
    /// Deleting what recovery needs: reflogs and unreachable objects.
    ReflogGc,
    /// Programs that reach the network by themselves.
    NetworkTools,
    /// What could not be judged. It has no switch of its own.
    Unjudged,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ForcePush,
        Self::ResetHard,
        Self::BranchForceDelete,
        Self::CheckoutRestore,
        Self::Clean,
        Self::StashDestructive,
        Self::HistoryRewrite,
        Self::RemoteDelete,
        Self::ReflogGc,
        Self::NetworkTools,
        Self::Unjudged,
    ];

    /// The name of its switch in a policy; [`Group::Unjudged`] has none.
    #[must_use]
    pub const fn switch(self) -> Option<&'static str> {
        match self {
            Self::ForcePush => Some("block_force_push"),
            Self::ResetHard => Some("block_reset_hard"),
            Self::BranchForceDelete => Some("block_branch_force_delete"),
            Self::CheckoutRestore => Some("block_checkout_restore"),
            Self::Clean => Some("block_clean"),
            Self::StashDestructive => Some("block_stash_destructive"),
            Self::HistoryRewrite => Some("block_history_rewrite"),
            Self::RemoteDelete => Some("block_remote_delete"),
            Self::ReflogGc => Some("block_reflog_gc"),
            Self::NetworkTools => Some("block_network_tools"),
            Self::Unjudged => None,
        }
    }
}
