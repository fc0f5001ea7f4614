//! Git's options before the subcommand.

use crate::git::config::{self, Entry};
use crate::judge::Judge;
use crate::word::Word;
use crate::world::GitGlobals;

/// Options whose value is the next word. Git matches all of these names exactly, so that there are
/// no abbreviations.
const SEPARATE: [&str; 9] = [
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--super-prefix",
    "--config-env",
    "--attr-source",
    "--shallow-file",
];

/// Options after which git prints something and ends.
const ENDS: [&str; 9] = [
    "--help",
    "-h",
    "--version",
    "-v",
    "--exec-path",
    "--html-path",
    "--man-path",
    "--info-path",
    "--build-options",
];

/// A git command, taken apart.
pub(crate) struct Invocation {
    pub(crate) globals: GitGlobals,
    /// The words of the global options.
    pub(crate) global_words: Vec<Word>,
    /// Configuration from the command line and the environment.
    pub(crate) inline: Vec<Entry>,
    /// The subcommand.
    pub(crate) name: Word,
    pub(crate) args: Vec<Word>,
}

impl Invocation {
    pub(crate) fn subcommand(&self) -> &str {
        self.name.start()
    }

    /// Takes the words after the program apart. `None` if no subcommand runs; an error is the word
    /// that would have to be known.
    pub(crate) fn read(
        judge: &Judge<'_>,
        program: &str,
        words: &[Word],
    ) -> Result<Option<Self>, Word> {
        let mut invocation = Self {
            globals: GitGlobals::default(),
            global_words: Vec::new(),
            inline: config::from_environment(judge),
            name: Word::default(),
            args: Vec::new(),
        };
        if let Some(subcommand) = program.strip_prefix("git-") {
            let span = words
                .first()
                .map_or(0..1, |word| word.span.start..word.span.start);
            invocation.name = Word::known(subcommand, span);
            invocation.args = words.to_vec();
            return Ok(Some(invocation));
        }
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let text = word.start();
            if !text.starts_with('-') {
                invocation.name = known(word)?;
                invocation.args = rest.cloned().collect();
                return Ok(Some(invocation));
            }
            if ENDS.contains(&text) || text.starts_with("--list-cmds") {
                return Ok(None);
            }
            let value = match text.split_once('=') {
                Some((name, _)) => word.skip(name.len() + 1),
                None if SEPARATE.contains(&text) => match rest.next() {
                    Some(value) => value.clone(),
                    None => return Ok(None),
                },
                None => known(word)?,
            };
            invocation.option(judge, word, &value)?;
        }
        Ok(None)
    }

    fn option(&mut self, judge: &Judge<'_>, word: &Word, value: &Word) -> Result<(), Word> {
        let text = word.start();
        let name = text.split_once('=').map_or(text, |(name, _)| name);
        let owned = || value.get().map(str::to_owned);
        match name {
            "-C" => self.globals.directories.extend(owned()),
            "--git-dir" => self.globals.git_dir = owned(),
            "--work-tree" => self.globals.work_tree = owned(),
            "-c" => self.inline.push(config::from_option(value)?),
            "--config-env" => self.inline.push(config::from_variable(judge, value)?),
            _ => {}
        }
        self.globals.args.push(word.shown().into_owned());
        self.global_words.push(word.clone());
        if !text.contains('=') && SEPARATE.contains(&text) {
            self.globals.args.push(value.shown().into_owned());
            self.global_words.push(value.clone());
        }
        Ok(())
    }
}

fn known(word: &Word) -> Result<Word, Word> {
    match word.get() {
        Some(_) => Ok(word.clone()),
        None => Err(word.clone()),
    }
}
