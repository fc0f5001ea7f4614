//! Carrying out a plan, and attending the agent until it ends.

use scc_launch::{AgentEnd, Executed, KILLED, Launcher, LiveSession, OnConflict, Plan, Requested};
use scc_runtime::SandboxRuntime;

use crate::commands::attach;
use crate::context::Context;
use crate::error::CliError;
use crate::host;
use crate::progress::Progress;
use crate::prompt::Prompter;
use crate::terminal::{self, Ended, Stop, Target};

/// Starts the agent of a plan and attends it; its status is ours.
pub(super) async fn carry_out(
    mut plan: Plan,
    fresh: bool,
    prompter: Prompter,
    context: &Context,
) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    if !launcher.runtime.image_exists(&plan.image.reference).await? {
        plan.set_npm_registry(host::npm_registry().as_deref());
    }
    let requested = launcher.request(&plan)?;
    let launch = execute(&launcher, requested, fresh, context, prompter);
    match terminal::unless_stopped(launch).await {
        Ok(Started::New(live)) => attend(&launcher, live, &plan.container, context).await,
        Ok(Started::Earlier { container }) => {
            launcher.give_way(requested);
            attach::to(Some(container), context).await
        }
        // How it ended is recorded where it failed.
        Err(error @ CliError::Launch(_)) => Err(error),
        Err(error @ CliError::Cancelled { .. }) => {
            if let Err(rest) = launcher.cancel(requested).await {
                context.printer.warning(&rest.to_string());
            }
            Err(error)
        }
        Err(error) => {
            launcher.give_way(requested);
            Err(error)
        }
    }
}

/// What there is to attend.
enum Started {
    New(LiveSession),
    Earlier { container: String },
}

async fn execute<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    requested: Requested<'_>,
    fresh: bool,
    context: &Context,
    prompter: Prompter,
) -> Result<Started, CliError> {
    let mut on_conflict = if fresh {
        OnConflict::Replace
    } else {
        OnConflict::Report
    };
    loop {
        let mut progress = Progress::new(context.printer);
        let mut report = |event| progress.show(event);
        let outcome = launcher
            .execute(
                requested,
                &context.registry,
                terminal::size(),
                on_conflict,
                &mut report,
            )
            .await?;
        match outcome {
            Executed::Started(live) => return Ok(Started::New(live)),
            Executed::Conflict { container } => {
                if !ask_about_conflict(container.clone(), prompter).await? {
                    return Ok(Started::Earlier { container });
                }
                on_conflict = OnConflict::Replace;
            }
        }
    }
}

/// Whether the running sandbox is to be replaced; else it is to be attached to.
async fn ask_about_conflict(container: String, prompter: Prompter) -> Result<bool, CliError> {
    let options = ["Attach to it", "Replace it", "Cancel"].map(str::to_owned);
    let question = format!("The sandbox {container} of this workspace is running.");
    let instead = CliError::Conflict { container };
    // The launch has begun: a signal has to be heard while somebody thinks.
    let ask = move || prompter.select(&question, &options, 0, instead);
    let answer = tokio::task::spawn_blocking(ask).await;
    match answer.unwrap_or(Err(CliError::CANCELLED))? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CliError::CANCELLED),
    }
}

/// Attends a session until its agent ends; the agent's status is ours.
async fn attend<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    mut live: LiveSession,
    container: &str,
    context: &Context,
) -> Result<u8, CliError> {
    let ended = hand_over(launcher, &mut live).await?;
    match ended {
        Ended::By(stop @ Stop::Hangup) => return Ok(stop.status()),
        Ended::Left => {
            terminal::note_left(container, context.printer);
            return Ok(0);
        }
        _ => {}
    }
    let rest = launcher.finish(&live.session_id, &live.sandbox);
    let end = terminal::finish(rest).await?;
    if let Err(error) = launcher.note_sign_in(&live, &context.registry).await {
        context.printer.warning(&error.to_string());
    }
    Ok(attended_status(ended, end, context))
}

/// Gives the terminal to the agent until it ends, and starts beside it what records refusals.
async fn hand_over<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    live: &mut LiveSession,
) -> Result<Ended, CliError> {
    let attachment = live.take_attachment();
    let attended = async {
        let Some(attachment) = attachment else {
            return Ok(Ended::ByItself);
        };
        let target = Target::Sandbox(&live.sandbox);
        let has_terminal = terminal::size().is_some();
        terminal::hand_over(launcher, target, attachment, has_terminal).await
    };
    let mut unrecorded = false;
    let recording = async {
        let started = launcher.start_recording(live).await;
        unrecorded = started.is_err();
        started.map_err(CliError::from)
    };
    match tokio::try_join!(attended, recording) {
        Ok((ended, ())) => Ok(ended),
        // A session whose refusals nobody would see does not go on.
        Err(error) if unrecorded => Err(break_off(launcher, live, error).await?),
        Err(error) => Err(error),
    }
}

/// Ends a session that is not to go on, and hands the reason back.
async fn break_off<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    live: &LiveSession,
    error: CliError,
) -> Result<CliError, CliError> {
    launcher.stop_sandbox(&live.sandbox).await?;
    launcher.finish(&live.session_id, &live.sandbox).await?;
    Ok(error)
}

/// What scc ends with after it has attended an agent.
pub(crate) fn attended_status(ended: Ended, end: AgentEnd, context: &Context) -> u8 {
    match ended {
        Ended::By(Stop::Interrupt) => Stop::Interrupt.status(),
        _ => report_end(end, context),
    }
}

/// Says why an agent was killed, and what is not in the audit log; its exit status as ours.
fn report_end(end: AgentEnd, context: &Context) -> u8 {
    if end.record_is_full {
        context.printer.warning(
            "the session's record of refused commands was full, and the last ones are not in the \
             audit log (see the others: scc audit safety)",
        );
    }
    if end.timed_out {
        context.printer.warning(
            "the session's time was over, by the organization's rules (scc config explain)",
        );
    } else if end.out_of_memory {
        let file = context.config_file.display();
        context.printer.warning(&format!(
            "the agent was killed: the sandbox had used up its memory (allow it more with \
             `resources.memory` in {file})"
        ));
    } else if end.status == KILLED {
        context
            .printer
            .warning("the agent was killed (what it printed: scc list, then scc logs NAME)");
    }
    exit_byte(end.status)
}

/// An exit status as a process can have it.
pub(crate) fn exit_byte(status: i64) -> u8 {
    u8::try_from(status & 0xff).unwrap_or(1)
}
