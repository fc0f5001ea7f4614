//! Simple commands: their words, assignments and redirections.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, IoFileRedirectKind,
    IoFileRedirectTarget, IoRedirect, ProcessSubstitutionKind, SimpleCommand, SubshellCommand,
};

use crate::shell::state::{State, Value, union};
use crate::shell::walk::Walk;
use crate::shell::{Input, Ran, expand};
use crate::word::{Doubt, Word};

/// Builtins whose arguments may be assignments.
const DECLARATIONS: [&str; 6] = [
    "declare", "export", "local", "readonly", "typeset", "integer",
];

/// An array's index is not followed beyond this.
const MAX_INDEX: usize = 64;

/// Where a command reads and writes.
#[derive(Default)]
struct Streams {
    input: Option<Input>,
    /// The file that takes what it prints, and whether at its end.
    output: Option<(Word, bool)>,
}

/// What a simple command consists of.
#[derive(Default)]
struct Parts {
    words: Vec<Word>,
    assigned: Vec<(String, Value)>,
    /// Assignments behind the command's name.
    declared: Vec<(String, Value)>,
    streams: Streams,
}

impl Walk<'_, '_> {
    /// A simple command, in every state.
    pub(crate) fn simple(
        &mut self,
        command: &SimpleCommand,
        states: Vec<State>,
        input: &Input,
    ) -> Ran {
        let mut after = Vec::new();
        let mut output: Option<Word> = None;
        for state in states {
            self.judge.state = state;
            let ran = self.simple_once(command, input);
            after = union(after, ran.states);
            output = Some(match output {
                Some(other) if other != ran.output => {
                    Word::unknown(Doubt::Flag, other.span.clone())
                }
                _ => ran.output,
            });
        }
        Ran {
            states: after,
            output: output.unwrap_or_default(),
        }
    }

    fn simple_once(&mut self, command: &SimpleCommand, input: &Input) -> Ran {
        let parts = self.parts(command);
        let input = parts.streams.input.as_ref().unwrap_or(input);
        let before = self.judge.state.clone();
        self.judge.state.set_all(&parts.assigned);
        let Some(first) = parts.words.first() else {
            return Ran::unchanged(self.judge, Word::default());
        };
        let span = first.span.clone();
        if first.get().is_some_and(|name| DECLARATIONS.contains(&name)) {
            self.judge.state.set_all(&parts.declared);
        }
        let mut ran = self
            .judge
            .deeper(&span, |judge| super::run(judge, &parts.words, input, true));
        for state in &mut ran.states {
            state.restore(&parts.assigned, &before);
        }
        self.written(&parts.streams, ran)
    }

    fn parts(&mut self, command: &SimpleCommand) -> Parts {
        let mut parts = Parts::default();
        for item in command.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    let span = self.span(word.loc.as_ref());
                    let assigned = self.assignment(assignment, &span);
                    parts.assigned.push(assigned);
                }
                other => self.part(other, &mut parts),
            }
        }
        if let Some(word) = &command.word_or_name {
            let span = self.span(word.loc.as_ref());
            parts
                .words
                .append(&mut expand::words(self.judge, &word.value, &span));
        }
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.part(item, &mut parts);
        }
        parts
    }

    fn part(&mut self, item: &CommandPrefixOrSuffixItem, parts: &mut Parts) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => {
                self.redirect(redirect, &mut parts.streams);
            }
            CommandPrefixOrSuffixItem::Word(word) => {
                let span = self.span(word.loc.as_ref());
                parts
                    .words
                    .append(&mut expand::words(self.judge, &word.value, &span));
            }
            CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                let span = self.span(word.loc.as_ref());
                let declares = parts.words.first().and_then(Word::get);
                if declares.is_some_and(|name| DECLARATIONS.contains(&name)) {
                    let declared = self.assignment(assignment, &span);
                    parts.declared.push(declared);
                } else {
                    parts
                        .words
                        .append(&mut expand::words(self.judge, &word.value, &span));
                }
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(kind, subshell) => {
                let file = self.process_substitution(kind, subshell);
                parts.words.push(file);
            }
        }
    }

    /// `<(…)` is the name of a file that holds what the commands print.
    fn process_substitution(
        &mut self,
        kind: &ProcessSubstitutionKind,
        subshell: &SubshellCommand,
    ) -> Word {
        let span = self.span(Some(&subshell.loc));
        let input = match kind {
            ProcessSubstitutionKind::Read => Input::Inherited,
            ProcessSubstitutionKind::Write => Input::Text(Word::unknown(Doubt::Flag, span.clone())),
        };
        let state = self.judge.state.clone();
        let ran = self.list(&subshell.list, vec![state.clone()], &input);
        self.judge.state = state;
        let name = format!("/dev/fd/{}", 63 + self.judge.files.len());
        self.judge.files.insert(name.clone(), ran.output);
        Word::known(name, span)
    }

    fn assignment(
        &mut self,
        assignment: &Assignment,
        span: &std::ops::Range<usize>,
    ) -> (String, Value) {
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => {
                Value::Scalar(expand::word(self.judge, &word.value, span))
            }
            AssignmentValue::Array(items) => {
                let mut words = Vec::new();
                for (key, word) in items {
                    if let Some(key) = key {
                        expand::arithmetic(self.judge, &key.value, span);
                    }
                    words.append(&mut expand::words(self.judge, &word.value, span));
                }
                Value::Array(words)
            }
        };
        match &assignment.name {
            AssignmentName::VariableName(name) => {
                let before = self.judge.state.value(name).filter(|_| assignment.append);
                let value = match before {
                    Some(before) => appended(before, value),
                    None => value,
                };
                (name.clone(), self.bounded(value, span))
            }
            AssignmentName::ArrayElementName(name, index) => {
                expand::arithmetic(self.judge, index, span);
                let value = self.element_set(name, index, value);
                (name.clone(), self.bounded(value, span))
            }
        }
    }

    /// A value, where there may be more work for what it takes to copy it.
    fn bounded(&mut self, value: Value, span: &std::ops::Range<usize>) -> Value {
        let work = match &value {
            Value::Scalar(word) => word.len() / 16,
            // Each is a value of its own.
            Value::Array(words) => words.len() / 2,
            Value::Unset => 0,
        };
        match self.judge.spend(1 + work, span) {
            true => value,
            false => Value::Unset,
        }
    }

    fn element_set(&self, name: &str, index: &str, value: Value) -> Value {
        let (Value::Scalar(word), Ok(index @ 0..MAX_INDEX)) = (value, index.parse::<usize>())
        else {
            return Value::Scalar(Word::unknown(Doubt::List, 0..0));
        };
        let mut words = match self.judge.state.value(name) {
            Some(Value::Array(words)) => words.clone(),
            Some(Value::Scalar(first)) => vec![first.clone()],
            Some(Value::Unset) | None => Vec::new(),
        };
        if words.len() <= index {
            words.resize(index + 1, Word::default());
        }
        if let Some(place) = words.get_mut(index) {
            *place = word;
        }
        Value::Array(words)
    }

    fn redirect(&mut self, redirect: &IoRedirect, streams: &mut Streams) {
        match redirect {
            IoRedirect::HereString(fd, word) => {
                let span = self.span(word.loc.as_ref());
                let text = expand::word(self.judge, &word.value, &span);
                if fd.is_none_or(|fd| fd == 0) {
                    streams.input = Some(Input::Text(text));
                }
            }
            IoRedirect::HereDocument(fd, document) => {
                let span = self.span(document.here_end.loc.as_ref());
                let text = if document.requires_expansion {
                    expand::here_document(self.judge, &document.doc.value, &span)
                } else {
                    Word::known(document.doc.value.clone(), span)
                };
                if fd.is_none_or(|fd| fd == 0) {
                    streams.input = Some(Input::Text(text));
                }
            }
            IoRedirect::OutputAndError(word, append) => {
                let span = self.span(word.loc.as_ref());
                let file = expand::word(self.judge, &word.value, &span);
                streams.output = Some((file, *append));
            }
            IoRedirect::File(fd, kind, target) => {
                let file = self.target(target);
                self.file_redirect(*fd, kind, file, streams);
            }
        }
    }

    fn target(&mut self, target: &IoFileRedirectTarget) -> Option<Word> {
        match target {
            IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                let span = self.span(word.loc.as_ref());
                Some(expand::word(self.judge, &word.value, &span))
            }
            IoFileRedirectTarget::ProcessSubstitution(kind, subshell) => {
                Some(self.process_substitution(kind, subshell))
            }
            IoFileRedirectTarget::Fd(_) => None,
        }
    }

    fn file_redirect(
        &self,
        fd: Option<i32>,
        kind: &IoFileRedirectKind,
        file: Option<Word>,
        streams: &mut Streams,
    ) {
        let Some(file) = file else {
            return;
        };
        match kind {
            IoFileRedirectKind::Read | IoFileRedirectKind::ReadAndWrite
                if fd.is_none_or(|fd| fd == 0) =>
            {
                let held = file.get().and_then(|name| self.judge.files.get(name));
                let unknown = Word::unknown(Doubt::Printed, file.span.clone());
                streams.input = Some(Input::Text(held.cloned().unwrap_or(unknown)));
            }
            IoFileRedirectKind::Write | IoFileRedirectKind::Clobber
                if fd.is_none_or(|fd| fd == 1) =>
            {
                streams.output = Some((file, false));
            }
            IoFileRedirectKind::Append if fd.is_none_or(|fd| fd == 1) => {
                streams.output = Some((file, true));
            }
            _ => {}
        }
    }

    /// A compound command with redirections.
    pub(crate) fn redirected(
        &mut self,
        redirects: &[IoRedirect],
        states: Vec<State>,
        input: &Input,
        inner: impl FnOnce(&mut Self, Vec<State>, &Input) -> Ran,
    ) -> Ran {
        let mut streams = Streams::default();
        if let Some(state) = states.first().filter(|_| !redirects.is_empty()) {
            self.judge.state = state.clone();
            for redirect in redirects {
                self.redirect(redirect, &mut streams);
            }
        }
        let ran = inner(self, states, streams.input.as_ref().unwrap_or(input));
        self.written(&streams, ran)
    }

    /// Remembers what a command wrote to a file.
    fn written(&mut self, streams: &Streams, mut ran: Ran) -> Ran {
        let Some((file, append)) = &streams.output else {
            return ran;
        };
        let printed = std::mem::take(&mut ran.output);
        self.judge.write(file, &printed, *append);
        ran
    }
}

fn appended(before: &Value, value: Value) -> Value {
    match (before, value) {
        (Value::Scalar(before), Value::Scalar(more)) => {
            let mut word = before.clone();
            word.push_word(&more);
            Value::Scalar(word)
        }
        (Value::Array(before), Value::Array(more)) => {
            Value::Array(before.iter().cloned().chain(more).collect())
        }
        (Value::Scalar(before), Value::Array(more)) => {
            Value::Array(std::iter::once(before.clone()).chain(more).collect())
        }
        (_, value) => value,
    }
}
