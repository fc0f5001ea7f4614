//! The pieces of a git source, and what they must not be.

/// Splits `REPO[@REF][:PATH]`. A repository's name ends at the first `.git` that is followed by
/// one of the two or by nothing, else at the first of the two.
pub(crate) fn split_git(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let suffixes = text.match_indices(".git").map(|(at, mark)| at + mark.len());
    let mut ends = suffixes.filter(|end| text[*end..].is_empty() || is_mark(&text[*end..]));
    let end = ends.next().or_else(|| text.find(['@', ':']));
    let Some(end) = end else {
        return (text, None, None);
    };
    let (repo, rest) = text.split_at(end);
    let (reference, path) = match rest.strip_prefix('@') {
        Some(rest) => match rest.split_once(':') {
            Some((reference, path)) => (Some(reference), Some(path)),
            None => (Some(rest), None),
        },
        None => (None, rest.strip_prefix(':')),
    };
    (repo, reference, path)
}

fn is_mark(rest: &str) -> bool {
    rest.starts_with(['@', ':'])
}

/// Splits `USER@HOST:REPO`, the short form of an ssh address.
pub(crate) fn split_scp(text: &str) -> Option<(&str, &str)> {
    let (head, rest) = text.split_once(':')?;
    let (user, host) = head.split_once('@')?;
    let plain = |text: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        !text.is_empty() && !text.starts_with('-') && text.bytes().all(allowed)
    };
    let usable = plain(user) && plain(host) && !rest.is_empty();
    (usable && !rest.starts_with(['-', '/', ':', '@'])).then_some((head, rest))
}

/// The name of an owner or a repository.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let usable = !name.is_empty() && name.bytes().all(allowed);
    match usable && !name.starts_with('-') && !matches!(name, "." | "..") {
        true => Ok(()),
        false => Err(format!("`{name}` is not a name of an owner or repository")),
    }
}

/// A branch, tag or commit, by git's own rules.
pub(crate) fn check_reference(name: &str) -> Result<String, String> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = name.starts_with(['-', '+'])
        || name.ends_with('.')
        || name.contains(forbidden)
        || name.contains("..")
        || name.contains("@{")
        || name == "@"
        || name.split('/').any(bad_part);
    match bad {
        false => Ok(name.to_owned()),
        true => Err(format!("`{name}` is not a branch, tag or commit")),
    }
}

/// A path in a repository; `None` when it means the root.
pub(crate) fn check_path(path: &str) -> Result<Option<String>, String> {
    let inner = path.trim_matches('/');
    if inner.is_empty() {
        return Ok(None);
    }
    let bad_part = |part: &str| matches!(part, "" | "." | "..");
    match inner.split('/').any(bad_part) || inner.contains(char::is_control) {
        false => Ok(Some(inner.to_owned())),
        true => Err(format!("`{path}` is not a path in a repository")),
    }
}
