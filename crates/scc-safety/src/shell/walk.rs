//! A walk over a syntax tree that runs nothing and visits every command.

use std::ops::Range;
use std::rc::Rc;

use brush_parser::SourceSpan;
use brush_parser::ast::{
    AndOr, AndOrList, ArithmeticCommand, Command, CompoundCommand, CompoundList, ExtendedTestExpr,
    ForClauseCommand, FunctionDefinition, IfClauseCommand, Pipeline, Program, SeparatorOperator,
    WhileOrUntilClauseCommand,
};

use crate::judge::Judge;
use crate::shell::state::{Function, State, union};
use crate::shell::{Input, Ran, expand};
use crate::word::{Doubt, Word};

/// Numbers make no difference to a verdict: of a longer list only one is tried.
const MANY_NUMBERS: usize = 8;

/// A text being walked.
pub(crate) struct Walk<'j, 'a> {
    pub(crate) judge: &'j mut Judge<'a>,
    /// For a text with other characters than ASCII: the byte at which each character begins.
    offsets: Option<Vec<usize>>,
    /// The characters at which `((` or `))` stands.
    doubles: Rc<Vec<usize>>,
}

impl<'j, 'a> Walk<'j, 'a> {
    pub(crate) fn new(judge: &'j mut Judge<'a>, text: &str) -> Self {
        let offsets = (!text.is_ascii() && judge.outer.is_none()).then(|| {
            let starts = text.char_indices().map(|(at, _)| at);
            starts.chain([text.len()]).collect()
        });
        Self {
            judge,
            offsets,
            doubles: Rc::new(doubles(text)),
        }
    }

    /// A place in bytes of the outermost text.
    pub(crate) fn span(&self, place: Option<&SourceSpan>) -> Range<usize> {
        if let Some(outer) = &self.judge.outer {
            return outer.clone();
        }
        let Some(place) = place else {
            return 0..0;
        };
        let byte = |character: usize| match &self.offsets {
            None => character,
            Some(offsets) => offsets
                .get(character)
                .or(offsets.last())
                .copied()
                .unwrap_or(0),
        };
        byte(place.start.index)..byte(place.end.index)
    }

    pub(crate) fn program(&mut self, program: &Program, states: Vec<State>, input: &Input) -> Ran {
        let mut ran = Ran {
            states,
            output: Word::default(),
        };
        for list in &program.complete_commands {
            let next = self.list(list, ran.states, input);
            ran.output.push_word(&next.output);
            ran.states = next.states;
        }
        ran
    }

    pub(crate) fn list(&mut self, list: &CompoundList, states: Vec<State>, input: &Input) -> Ran {
        let mut ran = Ran {
            states,
            output: Word::default(),
        };
        for item in &list.0 {
            let before = ran.states.clone();
            let next = self.and_or(&item.0, ran.states, input);
            ran.output.push_word(&next.output);
            ran.states = match item.1 {
                SeparatorOperator::Sequence => next.states,
                SeparatorOperator::Async => before,
            };
        }
        ran
    }

    fn and_or(&mut self, list: &AndOrList, states: Vec<State>, input: &Input) -> Ran {
        let mut ran = self.pipeline(&list.first, states, input);
        for more in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = more;
            let next = self.pipeline(pipeline, ran.states.clone(), input);
            ran.output.push_word(&next.output);
            ran.states = union(ran.states, next.states);
        }
        ran
    }

    fn pipeline(&mut self, pipeline: &Pipeline, states: Vec<State>, input: &Input) -> Ran {
        if let [only] = pipeline.seq.as_slice() {
            return self.command(only, states, input);
        }
        let mut input = input.clone();
        let mut output = Word::default();
        for command in &pipeline.seq {
            let ran = self.command(command, states.clone(), &input);
            output = ran.output;
            input = Input::Text(output.clone());
        }
        Ran { states, output }
    }

    fn command(&mut self, command: &Command, states: Vec<State>, input: &Input) -> Ran {
        let span = self.span(None);
        if !self.judge.enter(&span) {
            return Ran::default();
        }
        let ran = self.command_here(command, states, input);
        self.judge.leave();
        ran
    }

    fn command_here(&mut self, command: &Command, states: Vec<State>, input: &Input) -> Ran {
        match command {
            Command::Simple(simple) => self.simple(simple, states, input),
            Command::Function(function) => self.define(function, states),
            Command::Compound(compound, redirects) => {
                let list = redirects.as_ref().map_or(&[][..], |list| &list.0);
                self.redirected(list, states, input, |walk, states, input| {
                    walk.compound(compound, states, input)
                })
            }
            Command::ExtendedTest(test, redirects) => {
                let list = redirects.as_ref().map_or(&[][..], |list| &list.0);
                self.redirected(list, states, input, |walk, states, _| {
                    walk.test(&test.expr, &states);
                    Ran {
                        states,
                        output: Word::default(),
                    }
                })
            }
        }
    }

    fn define(&self, function: &FunctionDefinition, mut states: Vec<State>) -> Ran {
        let body = Function {
            body: Rc::new(function.body.clone()),
            doubles: Rc::clone(&self.doubles),
            span: self.span(function.fname.loc.as_ref()),
        };
        for state in &mut states {
            state.define(&function.fname.value, body.clone());
        }
        Ran {
            states,
            output: Word::default(),
        }
    }

    pub(crate) fn compound(
        &mut self,
        compound: &CompoundCommand,
        states: Vec<State>,
        input: &Input,
    ) -> Ran {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(&group.list, states, input),
            CompoundCommand::Subshell(subshell) => {
                let ran = self.list(&subshell.list, states.clone(), input);
                Ran { states, ..ran }
            }
            CompoundCommand::Coprocess(process) => {
                let ran = self.command(&process.body, states.clone(), input);
                Ran { states, ..ran }
            }
            CompoundCommand::ForClause(clause) => self.for_each(clause, states, input),
            CompoundCommand::IfClause(clause) => self.if_else(clause, states, input),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.repeat(clause, states, input)
            }
            CompoundCommand::CaseClause(clause) => {
                self.looked_at(&clause.value.value, &states);
                let mut after = states.clone();
                let mut output = Word::default();
                for pattern in clause.cases.iter().flat_map(|case| &case.patterns) {
                    self.looked_at(&pattern.value, &states);
                }
                for list in clause.cases.iter().filter_map(|case| case.cmd.as_ref()) {
                    let ran = self.list(list, states.clone(), input);
                    after = union(after, ran.states);
                    output.push_word(&ran.output);
                }
                Ran {
                    states: after,
                    output,
                }
            }
            CompoundCommand::Arithmetic(command) => self.double(command, states, input),
            CompoundCommand::ArithmeticForClause(clause) => {
                let parts = [&clause.initializer, &clause.condition, &clause.updater];
                for part in parts.into_iter().flatten() {
                    self.looked_at(&part.value, &states);
                }
                let ran = self.list(&clause.body.list, states.clone(), input);
                Ran {
                    states: union(states, ran.states),
                    output: ran.output,
                }
            }
        }
    }

    /// `((…))` is arithmetic, and `( (…) )` and `((…) )` are not, which the parser takes for the same.
    fn double(&mut self, command: &ArithmeticCommand, states: Vec<State>, input: &Input) -> Ran {
        let text = &command.expr.value;
        let last = command.loc.end.index.saturating_sub(2);
        if self.doubles.contains(&command.loc.start.index) && self.doubles.contains(&last) {
            self.looked_at(text, &states);
            return Ran {
                states,
                output: Word::default(),
            };
        }
        let text = Word::known(text.as_str(), self.span(Some(&command.loc)));
        let mut output = Word::default();
        for state in &states {
            self.judge.state = state.clone();
            output.push_word(&super::script(self.judge, &text, input).output);
        }
        Ran { states, output }
    }

    /// Judges what a text substitutes.
    fn looked_at(&mut self, text: &str, states: &[State]) {
        if text.contains(['$', '`']) {
            for state in states {
                self.judge.state = state.clone();
                let span = self.span(None);
                expand::here_document(self.judge, text, &span);
            }
        }
    }

    fn for_each(&mut self, clause: &ForClauseCommand, states: Vec<State>, input: &Input) -> Ran {
        let mut after = states.clone();
        let mut output = Word::default();
        for state in states {
            self.judge.state = state.clone();
            let mut states = vec![state];
            for item in self.items(clause) {
                for state in &mut states {
                    state.set_scalar(&clause.variable_name, item.clone());
                }
                let ran = self.list(&clause.body.list, states, input);
                output.push_word(&ran.output);
                states = ran.states;
                if !self.judge.spend(output.len() / 16, &item.span) {
                    return Ran::default();
                }
            }
            after = union(after, states);
        }
        Ran {
            states: after,
            output,
        }
    }

    fn items(&mut self, clause: &ForClauseCommand) -> Vec<Word> {
        let span = self.span(Some(&clause.loc));
        let mut items = match &clause.values {
            None => expand::words(self.judge, "\"$@\"", &span),
            Some(values) => {
                let mut items = Vec::new();
                for value in values {
                    let span = self.span(value.loc.as_ref());
                    items.append(&mut expand::words(self.judge, &value.value, &span));
                }
                items
            }
        };
        let is_number = |word: &Word| word.get().is_some_and(|text| text.parse::<i64>().is_ok());
        if items.iter().filter(|word| is_number(word)).count() > MANY_NUMBERS {
            items.retain(|word| !is_number(word));
            items.push(Word::unknown(Doubt::Name, span.clone()));
        }
        if items.is_empty() {
            items.push(Word::unknown(Doubt::Value, span));
        }
        items
    }

    fn if_else(&mut self, clause: &IfClauseCommand, states: Vec<State>, input: &Input) -> Ran {
        let tested = self.list(&clause.condition, states, input);
        let then = self.list(&clause.then, tested.states.clone(), input);
        let mut output = tested.output;
        output.push_word(&then.output);
        let mut after = then.states;
        let mut open = tested.states;
        let mut has_else = false;
        for branch in clause.elses.iter().flatten() {
            if let Some(condition) = &branch.condition {
                open = self.list(condition, open, input).states;
            } else {
                has_else = true;
            }
            let ran = self.list(&branch.body, open.clone(), input);
            output.push_word(&ran.output);
            after = union(after, ran.states);
        }
        if !has_else {
            after = union(after, open);
        }
        Ran {
            states: after,
            output,
        }
    }

    /// Two rounds: the second one sees what the first one set.
    fn repeat(
        &mut self,
        clause: &WhileOrUntilClauseCommand,
        states: Vec<State>,
        input: &Input,
    ) -> Ran {
        let mut known = states;
        let mut output = Word::default();
        for _ in 0..2 {
            let tested = self.list(&clause.0, known.clone(), input);
            let ran = self.list(&clause.1.list, tested.states.clone(), input);
            output.push_word(&ran.output);
            let after = union(union(known.clone(), tested.states), ran.states);
            if after == known {
                break;
            }
            known = after;
        }
        Ran {
            states: known,
            output,
        }
    }

    fn test(&mut self, test: &ExtendedTestExpr, states: &[State]) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, states);
                self.test(right, states);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(inner, states);
            }
            ExtendedTestExpr::UnaryTest(_, word) => self.looked_at(&word.value, states),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.looked_at(&left.value, states);
                self.looked_at(&right.value, states);
            }
        }
    }
}

/// The characters of a text at which `((` or `))` stands.
fn doubles(text: &str) -> Vec<usize> {
    if !text.contains("((") {
        return Vec::new();
    }
    let chars: Vec<char> = text.chars().collect();
    let pairs = chars.windows(2).enumerate();
    pairs
        .filter(|(_, pair)| matches!(pair, ['(', '('] | [')', ')']))
        .map(|(at, _)| at)
        .collect()
}

/// Calls a function.
pub(crate) fn call(
    judge: &mut Judge<'_>,
    function: &Function,
    words: &[Word],
    input: &Input,
) -> Ran {
    let span = words.first().map_or(0..0, |word| word.span.clone());
    let outer = judge.state.positional.clone();
    let args = words.get(1..).unwrap_or_default().to_vec();
    judge.state.positional = Some(Rc::new(args));
    let state = judge.state.clone();
    let mut ran = judge.deeper(&span, |judge| {
        super::within(judge, &span, |judge| {
            let redirects = function.body.1.as_ref().map_or(&[][..], |list| &list.0);
            let body = &function.body.0;
            let mut walk = Walk::new(judge, "");
            walk.doubles = Rc::clone(&function.doubles);
            walk.redirected(redirects, vec![state], input, |walk, states, input| {
                walk.compound(body, states, input)
            })
        })
    });
    for state in &mut ran.states {
        state.positional.clone_from(&outer);
    }
    ran
}

/// Judges the functions and aliases that a text defines and does not use: something else may.
/// Their arguments are not known, and nothing is made of that.
pub(crate) fn unused(judge: &mut Judge<'_>, states: &[State]) {
    judge.lenient = true;
    for state in states {
        for (name, function) in state.functions.iter() {
            if !judge.used.contains(name) {
                judge.state = state.clone();
                let name = Word::known(name.clone(), function.span.clone());
                let args = Word::unknown(Doubt::List, function.span.clone());
                call(judge, function, &[name, args], &Input::Inherited);
            }
        }
        for (name, text) in state.aliases.iter() {
            if !judge.used.contains(name) {
                judge.state = state.clone();
                super::script(judge, text, &Input::Inherited);
            }
        }
    }
    judge.lenient = false;
}
