//! The agent's own conversation: how it is named when a session starts, noted while it runs, and
//! found again when it is to go on.
//!
//! An agent may begin a further conversation in one session, and not every agent lets its caller
//! choose the identifier. So the agent notes, by a hook of its own, which conversation it is in:
//! a file for each session in the agent's volume. The note is written by what runs in the sandbox
//! and is believed accordingly: it can only name a conversation of the same volume.

use serde::Deserialize;

/// The environment variable that names the session to what runs in a sandbox.
pub const SESSION_VARIABLE: &str = "SCC_SESSION";

/// Where notes are, relative to the agent's volume.
const NOTES: &str = "scc/sessions";

/// The most that an identifier or path may have.
const LONGEST: usize = 4096;

/// Which conversation a launch is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversation<'a> {
    /// A new one. An agent that lets its caller choose takes this identifier, a UUID.
    New(&'a str),
    /// The one with this identifier goes on.
    Resume(&'a str),
}

/// A conversation as the agent noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedConversation {
    /// The agent's identifier.
    pub id: String,
    /// The file that holds it, relative to the agent's volume.
    pub file: String,
}

/// The path of a session's note, relative to the agent's volume.
#[must_use]
pub fn note_path(session: &str) -> String {
    format!("{NOTES}/{session}.json")
}

/// The command of a hook that notes the conversation in which the agent is: it adds what the agent
/// tells its hooks on standard input to the session's note.
#[must_use]
pub fn note_command(volume_path: &str) -> String {
    let dir = format!("{volume_path}/{NOTES}");
    format!("mkdir -p {dir} && cat >> \"{dir}/${{{SESSION_VARIABLE}:?}}.json\"")
}

#[derive(Deserialize)]
struct HookInput {
    session_id: String,
    transcript_path: Option<String>,
}

/// Reads a note that [`note_command`] made: the last conversation in it that is kept in a file of
/// the volume. Others are not meant to go on: agents have some for purposes of their own.
#[must_use]
pub fn read_note(volume_path: &str, note: &[u8]) -> Option<NotedConversation> {
    let inputs = serde_json::Deserializer::from_slice(note).into_iter::<HookInput>();
    inputs
        .map_while(Result::ok)
        .filter_map(|input| noted(volume_path, input))
        .last()
}

/// `None` for anything that names no file in the volume or whose identifier could be taken for
/// something else on a command line.
fn noted(volume_path: &str, input: HookInput) -> Option<NotedConversation> {
    let path = input.transcript_path?;
    let file = path.strip_prefix(volume_path)?.strip_prefix('/')?;
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_file = file.len() <= LONGEST && file.split('/').all(plain);
    (is_file && is_id(&input.session_id)).then(|| NotedConversation {
        id: input.session_id,
        file: file.to_owned(),
    })
}

/// Whether a text can be an agent's identifier of a conversation.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= 128 && !text.starts_with('-') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str, path: &str) -> Option<NotedConversation> {
        let text = format!("{{\"session_id\":{id:?},\"transcript_path\":{path:?},\"more\":1}}");
        read_note("/home/agent/.x", text.as_bytes())
    }

    #[test]
    fn a_note_names_a_file_of_the_volume() {
        let found = note("0193-ab", "/home/agent/.x/a/b.jsonl").unwrap();
        assert_eq!(
            (found.id.as_str(), found.file.as_str()),
            ("0193-ab", "a/b.jsonl")
        );
    }

    #[test]
    fn anything_else_is_no_note() {
        for (id, path) in [
            ("", "/home/agent/.x/a"),
            ("--dangerous", "/home/agent/.x/a"),
            ("a b", "/home/agent/.x/a"),
            ("a", "/home/agent/.x"),
            ("a", "/home/agent/.xy/a"),
            ("a", "/home/agent/.x/../a"),
            ("a", "/home/agent/.x//a"),
            ("a", "/etc/passwd"),
        ] {
            assert_eq!(note(id, path), None, "{id} {path}");
        }
        for text in ["", "{", "[]", "{\"session_id\":\"a\"}"] {
            assert_eq!(read_note("/home/agent/.x", text.as_bytes()), None);
        }
    }

    #[test]
    fn the_last_one_that_is_kept_counts() {
        let input = |id: &str, path: &str| {
            format!("{{\"session_id\":\"{id}\",\"transcript_path\":{path}}}")
        };
        let kept = |id: &str| input(id, &format!("\"/home/agent/.x/{id}\""));
        let last = |note: &str| read_note("/home/agent/.x", note.as_bytes()).map(|noted| noted.id);
        let note = format!("{}{}\n{}", kept("a"), kept("b"), input("c", "null"));
        assert_eq!(last(&note).as_deref(), Some("b"));
        assert_eq!(last(&format!("{note}{{\"ses")).as_deref(), Some("b"));
        assert_eq!(last(&input("c", "null")), None);
    }

    #[test]
    fn the_command_writes_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let volume = dir.path().to_str().unwrap();
        let script = format!("printf %s \"$1\" | {{ {}; }}", note_command(volume));
        let text = format!("{{\"session_id\":\"a\",\"transcript_path\":\"{volume}/t\"}}");
        let run = |session: &str| {
            let mut sh = std::process::Command::new("/bin/sh");
            sh.args(["-c", &script, "sh", &text]);
            sh.env(SESSION_VARIABLE, session).status().unwrap()
        };
        assert!(run("s1").success());
        let written = std::fs::read(dir.path().join(note_path("s1"))).unwrap();
        assert_eq!(read_note(volume, &written).unwrap().file, "t");
        assert!(!run("").success());
    }
}
