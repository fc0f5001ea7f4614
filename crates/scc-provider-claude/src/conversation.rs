//! Conversations of Claude Code: it takes the identifier of a new one, and goes on with one from
//! any directory.

use scc_provider::{Conversation, LaunchContext, note_command};
use serde_json::{Value, json};

use crate::VOLUME;

/// Seconds that a hook may take.
const HOOK_LIMIT: u32 = 10;

/// Options with which the user himself says which conversation it is.
const CHOSEN: [&str; 8] = [
    "--session-id",
    "--resume",
    "-r",
    "--continue",
    "-c",
    "--from-pr",
    "--teleport",
    "--cloud",
];

/// Adds what names the conversation to the command line; returns its identifier where it is known.
pub(crate) fn choose(context: &LaunchContext<'_>, argv: &mut Vec<String>) -> Option<String> {
    let (option, id) = match context.conversation {
        Conversation::Resume(id) => ("--resume", id),
        Conversation::New(_) if context.args.iter().any(|word| is_choice(word)) => return None,
        Conversation::New(id) => ("--session-id", id),
    };
    argv.extend([option.to_owned(), id.to_owned()]);
    Some(id.to_owned())
}

fn is_choice(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    CHOSEN.contains(&name)
}

/// What notes at the start which conversation the agent is in.
pub(crate) fn hooks() -> Value {
    let note = json!({
        "type": "command",
        "command": note_command(VOLUME),
        "timeout": HOOK_LIMIT,
    });
    json!([{ "hooks": [note] }])
}

/// Where the agent keeps a conversation that began in `workspace`.
pub(crate) fn file(id: &str, workspace: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let project: String = workspace.chars().map(plain).collect();
    format!("projects/{project}/{id}.jsonl")
}

#[cfg(test)]
mod tests {
    use scc_provider::{Extensions, ProviderSettings};

    use super::*;

    fn chosen(conversation: Conversation<'_>, args: &[&str]) -> (Vec<String>, Option<String>) {
        let args: Vec<_> = args.iter().map(|word| (*word).to_owned()).collect();
        let context = LaunchContext {
            workspace: "/w",
            conversation,
            settings: &ProviderSettings::default(),
            args: &args,
            agent_is_root: false,
            command_hook: None,
            extensions: &Extensions::default(),
        };
        let mut argv = Vec::new();
        let known = choose(&context, &mut argv);
        (argv, known)
    }

    #[test]
    fn a_new_conversation_gets_our_identifier_unless_the_user_chooses() {
        let (argv, known) = chosen(Conversation::New("u"), &["-p", "hello --resume"]);
        assert_eq!(argv, ["--session-id", "u"]);
        assert_eq!(known.as_deref(), Some("u"));
        for choice in ["--continue", "-r", "--resume=x", "--session-id"] {
            let (argv, known) = chosen(Conversation::New("u"), &["-p", "x", choice]);
            assert_eq!((argv, known), (Vec::new(), None), "{choice}");
        }
    }

    #[test]
    fn files_are_named_as_the_agent_does() {
        assert_eq!(file("u", "/tmp/a.b_c d"), "projects/-tmp-a-b-c-d/u.jsonl");
    }
}
