//! The tools that are guarded, and where the real ones are.

/// The guard under its own name, for commands such as `guard hook`.
pub(crate) const GUARD: &str = "/usr/local/lib/scc/guard";

/// Where the real tools are. The directory cannot be listed by the agent, and the names in it say
/// nothing: what runs there, runs unjudged. An agent that looks for them finds them all the same;
/// this is no boundary.
pub(crate) const REAL: &str = "/usr/local/lib/scc/r";

/// A guarded tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its file name.
    pub(crate) name: &'static str,
    /// The file name of the real one in [`REAL`].
    pub(crate) real: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a tool is, which decides where it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// git itself: also in its own directory of programs, under any `git-` name.
    Git,
    /// A program of git's own directory that is not git itself, though it does what git does.
    GitProgram,
    /// A network tool.
    Network,
}

const fn tool(name: &'static str, real: &'static str, kind: Kind) -> Tool {
    Tool { name, real, kind }
}

/// git, first of all.
pub(crate) const GIT: &Tool = &TOOLS[0];

/// Every guarded tool.
pub(crate) const TOOLS: &[Tool] = &[
    tool("git", "0", Kind::Git),
    tool("git-filter-branch", "1", Kind::GitProgram),
    tool("git-http-push", "2", Kind::GitProgram),
    tool("git-submodule", "3", Kind::GitProgram),
    tool("curl", "4", Kind::Network),
    tool("wget", "5", Kind::Network),
    tool("ssh", "6", Kind::Network),
    tool("scp", "7", Kind::Network),
    tool("sftp", "8", Kind::Network),
    tool("rsync", "9", Kind::Network),
];

impl Tool {
    /// The tool whose place a file of this name takes. git's own programs are git under another
    /// name, but for those that are tools of their own.
    pub(crate) fn named(file_name: &str) -> Option<&'static Self> {
        let exact = TOOLS.iter().find(|tool| tool.name == file_name);
        exact.or_else(|| file_name.starts_with("git-").then_some(GIT))
    }

    /// The path of the real tool.
    pub(crate) fn real_path(&self) -> String {
        format!("{REAL}/{}", self.real)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_file_takes_the_place_of_one_tool() {
        let named = |name| Tool::named(name).map(|tool| tool.name);
        assert_eq!(named("git"), Some("git"));
        assert_eq!(named("git-push"), Some("git"));
        assert_eq!(named("git-submodule"), Some("git-submodule"));
        assert_eq!(named("curl"), Some("curl"));
        assert_eq!(named("gitk"), None);
        assert_eq!(named("guard"), None);
    }

    #[test]
    fn real_files_are_told_apart_and_say_nothing() {
        let real: BTreeSet<_> = TOOLS.iter().map(|tool| tool.real).collect();
        assert_eq!(real.len(), TOOLS.len());
        assert!(TOOLS.iter().all(|tool| !tool.real.contains(tool.name)));
    }
}
