//! Conversations of Codex: it names them itself, and goes on with one by a subcommand.

use scc_provider::{Conversation, LaunchContext, note_command};
use toml::{Table, Value, toml};

use crate::VOLUME;

/// Adds the user's arguments and what names the conversation to the command line; returns its
/// identifier where it is known.
pub(crate) fn choose(context: &LaunchContext<'_>, argv: &mut Vec<String>) -> Option<String> {
    let args = context.args;
    let Conversation::Resume(id) = context.conversation else {
        argv.extend(args.iter().cloned());
        return None;
    };
    let resume = ["resume".to_owned(), id.to_owned()];
    match args {
        [exec, rest @ ..] if exec == "exec" || exec == "e" => {
            argv.push(exec.clone());
            argv.extend(resume);
            argv.extend(rest.iter().cloned());
        }
        _ => {
            argv.extend(resume);
            argv.extend(args.iter().cloned());
        }
    }
    Some(id.to_owned())
}

/// What notes at the start which conversation the agent is in.
pub(crate) fn hooks() -> Value {
    let mut hook = toml! {
        type = "command"
        timeout = 10
    };
    hook.insert("command".to_owned(), note_command(VOLUME).into());
    let group = Table::from_iter([("hooks".to_owned(), Value::Array(vec![hook.into()]))]);
    Value::Array(vec![group.into()])
}

#[cfg(test)]
mod tests {
    use scc_provider::{Extensions, ProviderSettings};

    use super::*;

    #[test]
    fn the_subcommand_follows_the_users_own() {
        for (args, wanted) in [
            (&[][..], &["resume", "u"][..]),
            (&["go on"], &["resume", "u", "go on"]),
            (
                &["exec", "--json", "p"],
                &["exec", "resume", "u", "--json", "p"],
            ),
            (&["e", "p"], &["e", "resume", "u", "p"]),
        ] {
            let args: Vec<_> = args.iter().map(|word| (*word).to_owned()).collect();
            let context = LaunchContext {
                workspace: "/w",
                conversation: Conversation::Resume("u"),
                settings: &ProviderSettings::default(),
                args: &args,
                agent_is_root: false,
                command_hook: None,
                extensions: &Extensions::default(),
            };
            let mut argv = Vec::new();
            assert_eq!(choose(&context, &mut argv).as_deref(), Some("u"));
            assert_eq!(argv, wanted, "{args:?}");
        }
    }
}
