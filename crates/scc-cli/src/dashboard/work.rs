//! What goes on behind the dashboard, on a thread of its own: reading, asking the engine, and
//! actions that need no terminal. However long that takes, keys are answered.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use scc_dashboard::{Action, Event, Operation};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval};

use super::act;
use super::facts::Facts;
use super::rows::Desk;
use crate::context::Context;
use crate::error::CliError;

/// How often everything is read again.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many warnings are kept.
const WARNINGS: usize = 10;

/// What the thread is to do.
enum Order {
    Refresh,
    Do(Action),
}

/// The thread, seen from the dashboard.
pub(super) struct Worker {
    orders: UnboundedSender<Order>,
    events: UnboundedReceiver<Event>,
}

impl Worker {
    /// Starts it. `warnings` are those that were found before.
    pub(super) fn start(
        context: &Context,
        offered: &'static [Operation],
        warnings: Vec<String>,
    ) -> Result<Self, CliError> {
        let (orders, ordered) = unbounded_channel();
        let (sender, events) = unbounded_channel();
        let context = context.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(CliError::Runtime)?;
        let work = move || {
            let reader = Reader {
                context: context.clone(),
                offered,
                warnings,
                events: sender.clone(),
            };
            LocalSet::new().block_on(&runtime, serve(reader, context, ordered, sender));
        };
        let thread = std::thread::Builder::new().name("dashboard".to_owned());
        thread.spawn(work).map_err(CliError::Runtime)?;
        Ok(Self { orders, events })
    }

    /// Has everything read again now.
    pub(super) fn refresh(&self) {
        // A thread that has ended is noticed by who waits for its events.
        let _ = self.orders.send(Order::Refresh);
    }

    /// Has an action carried out.
    pub(super) fn carry_out(&self, action: Action) {
        let _ = self.orders.send(Order::Do(action));
    }

    /// What comes next from the thread; `None` when it has ended.
    pub(super) async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

async fn serve(
    reader: Reader,
    context: Context,
    mut orders: UnboundedReceiver<Order>,
    events: UnboundedSender<Event>,
) {
    let wake = Rc::new(Notify::new());
    spawn_local(reader.run(Rc::clone(&wake)));
    let context = Rc::new(context);
    while let Some(order) = orders.recv().await {
        let Order::Do(action) = order else {
            wake.notify_one();
            continue;
        };
        let (context, events, wake) = (Rc::clone(&context), events.clone(), Rc::clone(&wake));
        spawn_local(async move {
            let note = act::behind(&context, &action).await;
            // Nobody listens when the dashboard has ended.
            let _ = events.send(Event::Ended(action, note));
            wake.notify_one();
        });
    }
}

/// Reads everything again and again.
struct Reader {
    context: Context,
    offered: &'static [Operation],
    warnings: Vec<String>,
    events: UnboundedSender<Event>,
}

impl Reader {
    async fn run(mut self, wake: Rc<Notify>) {
        let mut connection = None;
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = wake.notified() => {}
            }
            let mut facts = Facts::current(&self.context, &mut connection).await;
            self.remember(&mut facts);
            let desk = Desk {
                facts: &facts,
                context: &self.context,
                offered: self.offered,
                now: Timestamp::now(),
            };
            let snapshot = Box::new(desk.snapshot());
            if self.events.send(Event::Snapshot(snapshot)).is_err() {
                return;
            }
        }
    }

    /// What had to be set right is set right, and would not be seen a second time.
    fn remember(&mut self, facts: &mut Facts) {
        for warning in &facts.warnings {
            if !self.warnings.contains(warning) {
                self.warnings.push(warning.clone());
            }
        }
        let excess = self.warnings.len().saturating_sub(WARNINGS);
        self.warnings.drain(..excess);
        facts.warnings.clone_from(&self.warnings);
    }
}
