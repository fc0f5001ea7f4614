//! The table of commands and their verdicts.

/// A row of the table.
pub(crate) struct Row {
    pub(crate) refuse: bool,
    /// Real git cannot show it in the repository that the test makes.
    pub(crate) unshown: bool,
    pub(crate) rule: Option<&'static str>,
    pub(crate) command: &'static str,
    /// The line of the file.
    pub(crate) line: usize,
}

pub(crate) const ARGV: &str = include_str!("argv.txt");
pub(crate) const SHELL: &str = include_str!("shell.txt");

/// The rows of a file.
pub(crate) fn rows(text: &'static str) -> Vec<Row> {
    let lines = text.lines().enumerate();
    let rows = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    rows.map(|(number, line)| {
        let mut columns = line.splitn(3, ' ');
        let (verdict, rule) = (columns.next().unwrap(), columns.next().unwrap());
        let command = columns.next().unwrap_or_else(|| panic!("{line}"));
        Row {
            refuse: match verdict.trim_end_matches('!') {
                "refuse" => true,
                "allow" => false,
                _ => panic!("{line}"),
            },
            unshown: verdict.ends_with('!'),
            rule: (rule != "-").then_some(rule),
            command,
            line: number + 1,
        }
    })
    .collect()
}

/// The words of a command: split at spaces, `'` and `"` hold together.
pub(crate) fn words(command: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for char in command.chars() {
        match (char, quote) {
            (' ', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (_, Some(open)) if char == open => quote = None,
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}
