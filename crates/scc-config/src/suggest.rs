//! "Did you mean": the nearest known word.

/// The word of `known` nearest to `typed`, if it is near enough to be a slip: at most a third of
/// its letters differ, ignoring case, `-` and `_`.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let typed = plain(typed);
    if typed.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|word| (distance(&typed, &plain(word)), word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// What was probably meant, or else everything that is known, after `list`.
pub(crate) fn or_list(typed: &str, known: &[&str], list: &str) -> String {
    match nearest(typed, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => {
            let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("{list} {}", words.join(", "))
        }
    }
}

/// Levenshtein's distance: insertions, deletions and replacements of one letter.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["provider", "providers", "api_key", "cpus"];
        assert_eq!(nearest("providr", known), Some("provider"));
        assert_eq!(nearest("apiKey", known), Some("api_key"));
        assert_eq!(nearest("cpu", known), Some("cpus"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(distance(&['k', 'i', 't'], &['s', 'i', 't', 's']), 2);
    }
}
