//! Git's options before the subcommand.

use crate::options::Table;
use crate::word::Word;
use crate::world::GitGlobals;

/// Git matches these names exactly, so that there are no abbreviations; the table only says which
/// take a value (git.c, `handle_options`).
const SEPARATE: [&str; 8] = [
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--super-prefix",
    "--config-env",
    "--attr-source",
];

/// A git command, taken apart.
pub(crate) struct Invocation {
    pub(crate) globals: GitGlobals,
    pub(crate) subcommand: String,
    pub(crate) args: Vec<Word>,
}

impl Invocation {
    /// Takes the words after the program apart. `None` if no subcommand is run.
    pub(crate) fn read(dashed: Option<&str>, words: &[Word]) -> Option<Self> {
        let mut globals = GitGlobals::default();
        if let Some(subcommand) = dashed {
            return Some(Self {
                globals,
                subcommand: subcommand.to_owned(),
                args: words.to_vec(),
            });
        }
        let mut rest = words.iter();
        let subcommand = loop {
            let word = rest.next()?;
            let text = word.start();
            if !text.starts_with('-') {
                break text.to_owned();
            }
            if matches!(text, "--help" | "-h" | "--version" | "-v") {
                return None;
            }
            globals.args.push(text.to_owned());
            if SEPARATE.contains(&text) {
                globals.args.push(rest.next()?.start().to_owned());
            }
        };
        Some(Self {
            globals,
            subcommand,
            args: rest.cloned().collect(),
        })
    }
}
