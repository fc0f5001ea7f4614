//! What git says when it fails.

/// What git says about why it failed, in one line and without control characters: much of it
/// comes from the server.
pub(crate) fn complaint(stderr: &str) -> String {
    const MAX: usize = 300;
    let lines = || {
        stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let marked = lines().rfind(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = marked.or_else(|| lines().next_back());
    let line = line.unwrap_or("it gave no reason");
    let line = line
        .trim_start_matches("fatal:")
        .trim_start_matches("error:");
    let printable = line.trim().chars().filter(|c| !c.is_control());
    printable.take(MAX).collect()
}

/// Whether the server answered and said no, by the words of git and of the usual servers.
pub(crate) fn refused(stderr: &str) -> bool {
    [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "epository not found",
        "' not found",
        "Permission denied",
        "does not appear to be a git repository",
        "returned error: 401",
        "returned error: 403",
        "returned error: 404",
    ]
    .iter()
    .any(|words| stderr.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_clean_line() {
        let stderr = "Cloning\nremote: \u{1b}[31mno\nfatal: repo\u{1b}[2J 'x' not found\n";
        assert_eq!(complaint(stderr), "repo[2J 'x' not found");
        assert!(refused(stderr));
        assert_eq!(complaint(""), "it gave no reason");
        assert_eq!(
            complaint("ssh: connect: no route\n"),
            "ssh: connect: no route"
        );
        assert_eq!(complaint(&"x".repeat(1000)).len(), 300);
    }
}
