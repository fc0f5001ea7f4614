//! What a shell knows while it runs a text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use brush_parser::ast::FunctionBody;

use crate::word::{Doubt, Word};

/// What a shell knows at one point of a text. Where a text has branches there are several.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    variables: Rc<BTreeMap<String, Value>>,
    /// `$1` and so on; `None` if they are not known.
    pub(crate) positional: Option<Rc<Vec<Word>>>,
    pub(crate) functions: Rc<BTreeMap<String, Function>>,
    /// Aliases, and names that `hash -p` gave to programs.
    pub(crate) aliases: Rc<BTreeMap<String, Word>>,
    /// The environment was emptied (`env -i`).
    cleared: bool,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(Word),
    Array(Vec<Word>),
    Unset,
}

/// A function.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) body: Rc<FunctionBody>,
    /// See [`Walk`](super::walk::Walk): the places mean the text in which it was defined.
    pub(crate) doubles: Rc<Vec<usize>>,
    /// Where its name stands.
    pub(crate) span: Range<usize>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.body, &other.body)
    }
}

impl State {
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// The value of a variable that is no list.
    pub(crate) fn scalar(&self, name: &str) -> Option<&Word> {
        match self.variables.get(name)? {
            Value::Scalar(word) => Some(word),
            Value::Array(words) => words.first(),
            Value::Unset => None,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), value);
    }

    pub(crate) fn set_scalar(&mut self, name: &str, word: Word) {
        self.set(name, Value::Scalar(word));
    }

    pub(crate) fn define(&mut self, name: &str, function: Function) {
        Rc::make_mut(&mut self.functions).insert(name.to_owned(), function);
    }

    pub(crate) fn set_alias(&mut self, name: &str, text: Word) {
        Rc::make_mut(&mut self.aliases).insert(name.to_owned(), text);
    }

    pub(crate) fn set_all(&mut self, assigned: &[(String, Value)]) {
        for (name, value) in assigned {
            self.set(name, value.clone());
        }
    }

    /// Puts variables back to what they were in another state.
    pub(crate) fn restore(&mut self, assigned: &[(String, Value)], from: &Self) {
        let variables = Rc::make_mut(&mut self.variables);
        for (name, _) in assigned {
            match from.variables.get(name) {
                Some(value) => variables.insert(name.clone(), value.clone()),
                None => variables.remove(name),
            };
        }
    }

    pub(crate) fn undefine(&mut self, name: &str) {
        Rc::make_mut(&mut self.functions).remove(name);
        Rc::make_mut(&mut self.aliases).remove(name);
    }

    /// Forgets all variables, those of the environment included.
    pub(crate) fn clear(&mut self) {
        self.variables = Rc::default();
        self.cleared = true;
    }

    pub(crate) fn is_cleared(&self) -> bool {
        self.cleared
    }
}

/// More states than these are made one.
const MAX_STATES: usize = 12;

/// The states that either of two branches may leave.
pub(crate) fn union(mut left: Vec<State>, right: Vec<State>) -> Vec<State> {
    for state in right {
        if !left.contains(&state) {
            left.push(state);
        }
    }
    if left.len() > MAX_STATES {
        left = left
            .into_iter()
            .reduce(|left, right| merge(left, &right))
            .into_iter()
            .collect();
    }
    left
}

/// One state for two, in which a variable that differs is not known.
fn merge(mut left: State, right: &State) -> State {
    let names = left.variables.keys().chain(right.variables.keys());
    let names: Vec<String> = names.cloned().collect();
    for name in names {
        let values = [left.value(&name), right.value(&name)];
        if values[0] != values[1] {
            let dashed = |value: &Value| match value {
                Value::Unset => false,
                Value::Scalar(word) => looks_like_option(word),
                Value::Array(words) => words.iter().any(looks_like_option),
            };
            let worst = if values.into_iter().flatten().any(dashed) {
                Doubt::Flag
            } else {
                Doubt::Value
            };
            left.set_scalar(&name, Word::unknown(worst, 0..0));
        }
    }
    for (name, function) in right.functions.iter() {
        left.define(name, function.clone());
    }
    for (name, text) in right.aliases.iter() {
        left.set_alias(name, text.clone());
    }
    left
}

fn looks_like_option(word: &Word) -> bool {
    word.start().starts_with(['-', '+', ':']) || word.doubt() > Some(Doubt::Value)
}
