//! The rules: their names, what each stops, why, and what to do instead.

use crate::verdict::{Group, RuleId};

/// What there is to know about a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stable name.
    pub id: RuleId,
    /// Its group, which is what a policy switches.
    pub group: Group,
    /// The commands that it stops.
    pub stops: &'static str,
    /// What these commands destroy: the rest of a sentence that begins with the offending words.
    pub why: &'static str,
    /// What to do instead; commands in it stand in backticks and are allowed.
    pub alternative: Option<&'static str>,
}

/// Every rule, grouped.
#[must_use]
pub fn rules() -> &'static [RuleInfo] {
    RULES
}

/// The rule of this name.
#[must_use]
pub fn rule(id: &str) -> Option<&'static RuleInfo> {
    RULES.iter().find(|rule| rule.id.as_str() == id)
}

macro_rules! catalogue {
    ($($name:ident = $group:ident, $id:literal, $stops:literal, $why:literal, $alternative:expr;)*) => {
        $(
            pub(crate) static $name: &RuleInfo = &RULES[Index::$name as usize];
        )*

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "named like the rules")]
        enum Index { $($name),* }

        static RULES: &[RuleInfo] = &[$(
            RuleInfo {
                id: RuleId::new($id),
                group: Group::$group,
                stops: $stops,
                why: $why,
                alternative: $alternative,
            }
        ),*];
    };
}

catalogue! {
    PUSH_FORCE = ForcePush, "git.push.force",
        "`git push --force`, `-f`, `+REFSPEC`, the same in `send-pack` or in configuration",
        "overwrites what is on the remote, and the commits that others pushed are lost",
        Some("`git push --force-with-lease` overwrites only what this repository has seen");
    PUSH_MIRROR = ForcePush, "git.push.mirror",
        "`git push --mirror`, `remote.*.mirror`",
        "makes the remote a copy of this repository: all branches and tags that are not here are lost",
        Some("push what is meant: `git push origin HEAD`");
    PUSH_UNKNOWN = ForcePush, "git.push.unknown",
        "`git push` with a word that is not known and may be an option",
        "is not known before it runs, and may overwrite or delete what is on the remote",
        Some("write the words out: `git push origin HEAD`");
    PUSH_DELETE = RemoteDelete, "git.push.delete",
        "`git push --delete`, `-d`, `:BRANCH`",
        "deletes a branch or tag on the remote",
        Some("leave it to the user; `git ls-remote origin` shows what is there");
    PUSH_PRUNE = RemoteDelete, "git.push.prune",
        "`git push --prune`",
        "deletes every branch on the remote that is not here",
        Some("push what is meant: `git push origin HEAD`");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for info in rules() {
            assert_eq!(rule(info.id.as_str()), Some(info));
            assert!(
                std::ptr::eq(rule(info.id.as_str()).unwrap(), info),
                "{}",
                info.id
            );
        }
    }
}
