//! The dashboard: what is on it, what keys do to it, and how it is drawn.
//!
//! [`Model`] is the whole state. It knows neither engine nor files: what there is comes in as plain
//! rows ([`Snapshot`]), what happens as [`Event`]s, and what is to be done goes out as [`Effect`]s,
//! which the caller carries out. Every row says which [`Action`]s it takes, so what a caller cannot
//! do is never offered. [`draw`] paints a model into a buffer and changes nothing. Beside them are
//! [`Decoder`], which makes [`Key`]s of a terminal's bytes, and [`Screen`], which brings frames to a
//! terminal and sends only what has changed.
//!
//! ```
//! use scc_dashboard::{Action, Effect, Event, Key, Model, Operation, Row, Snapshot, Tab};
//!
//! let mut model = Model::new(80, 24);
//! let mut row = Row::new("c1", ["shop", "script", "running", "2m", "~/src/shop"]);
//! row.actions = vec![Action::new(Operation::Attach, "c1")];
//! let mut snapshot = Snapshot::default();
//! snapshot.list_mut(Tab::Containers).rows = vec![row];
//! model.update(Event::Snapshot(Box::new(snapshot)));
//! model.update(Event::Key(Key::Tab));
//! let effects = model.update(Event::Key(Key::Enter));
//! assert_eq!(effects, [Effect::Do(Action::new(Operation::Attach, "c1"))]);
//! ```

mod action;
mod column;
mod decoder;
mod list;
mod model;
mod overlay;
mod screen;
mod snapshot;
mod text;
mod view;

pub use action::{Action, Operation};
pub use decoder::{Decoder, Key};
pub use model::{Effect, Event, Model};
pub use screen::{Screen, leave};
pub use snapshot::{Level, Note, Row, Snapshot, Tab, TabRows};
pub use view::{Theme, draw};
