//! Secrets in addresses: what a record keeps of a command is read by others than its author.

/// What stands for what was taken out.
const HIDDEN: &str = "…";

/// A command in which addresses have neither user nor password, query nor fragment.
pub(crate) fn addresses(command: &str) -> String {
    let mut shown = String::with_capacity(command.len());
    let mut rest = command;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ')' | '>' | '<' | ';');
        let end = after.find(ends).unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        shown.push_str(&without_secrets(address));
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

/// Of what is behind the scheme.
fn without_secrets(address: &str) -> String {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, path) = address.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => authority.to_owned(),
    };
    let path = match path.find(['?', '#']) {
        Some(at) => format!("{}{HIDDEN}", path.get(..=at).unwrap_or_default()),
        None => path.to_owned(),
    };
    authority + &path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_taken_out() {
        for (command, expected) in [
            ("git push --force", "git push --force"),
            (
                "curl http://user:secret@host/?token=abc",
                "curl http://…@host/?…",
            ),
            (
                "git push -f https://tok@h.example/o/r.git main",
                "git push -f https://…@h.example/o/r.git main",
            ),
            (
                "curl 'https://h/a?b=c' https://h/d#e",
                "curl 'https://h/a?…' https://h/d#…",
            ),
            ("curl https://a:b@c@h:8/x@y", "curl https://…@h:8/x@y"),
            ("curl x?url=http://u:p@h;ls", "curl x?url=http://…@h;ls"),
            ("echo :// a://", "echo :// a://"),
        ] {
            assert_eq!(addresses(command), expected);
        }
    }
}
