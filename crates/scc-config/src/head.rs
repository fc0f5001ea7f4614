//! The head of a text: a mapping in YAML between two lines of dashes, as skills begin with one.

use std::path::Path;

use crate::read;
use crate::tree::{Kind, Mapping};

/// The head of a text.
#[derive(Debug, Clone)]
pub struct Head(Mapping);

impl Head {
    /// The head of a text; `None` where the text does not begin with a line of three dashes, or no
    /// other such line ends it.
    ///
    /// # Errors
    /// Why what stands there is no mapping in YAML: a fragment in lower case.
    pub fn of(text: &str) -> Result<Option<Self>, String> {
        let Some(head) = between_dashes(text) else {
            return Ok(None);
        };
        let (node, _) = read::tree(head, Path::new("")).map_err(|error| error.message)?;
        match node.kind {
            Kind::Map(mapping) => Ok(Some(Self(mapping))),
            Kind::Null => Ok(Some(Self(Mapping::new(Vec::new())))),
            _ => Err("it is no mapping".to_owned()),
        }
    }

    /// The text of a key, without blanks around it; `None` where it is missing, empty or no text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.0.get(key)?.value.kind {
            Kind::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

fn between_dashes(text: &str) -> Option<&str> {
    let mut lines = text.split_inclusive('\n');
    let is_dashes = |line: &str| line.trim_end() == "---";
    let first = lines.next().filter(|line| is_dashes(line))?;
    let mut end = first.len();
    for line in lines {
        if is_dashes(line) {
            return text.get(first.len()..end);
        }
        end += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (Option<String>, Option<String>) {
        let head = Head::of(text).unwrap().unwrap();
        let owned = |key: &str| head.text(key).map(str::to_owned);
        (owned("name"), owned("description"))
    }

    #[test]
    fn values_are_what_yaml_says() {
        for (head, name, description) in [
            ("name: a\ndescription: b c", "a", "b c"),
            ("name: 'it''s'\ndescription: \"b\\n: c\"", "it's", "b\n: c"),
            ("name: a # not b\ndescription: b#c", "a", "b#c"),
            ("# first\nname: a\n\n# second\ndescription: b", "a", "b"),
            ("description: >\n  b\n  c\n\n  d\nname: a", "a", "b c\nd"),
            ("description: >-\n  b\n  name: c\nname: a", "a", "b name: c"),
            ("name: a\ndescription: |\n  b\n  c", "a", "b\nc"),
            ("name: a\ndescription: b\n  c", "a", "b c"),
            ("\"name\": a\n? description\n: b", "a", "b"),
            ("{name: a, description: b}", "a", "b"),
            (
                "name: a\ndescription: b\nmetadata:\n  name: c\n  tags: [d, e]",
                "a",
                "b",
            ),
        ] {
            for (start, end) in [
                ("---\n", "\n---\n"),
                ("---\t \n", "\n---"),
                ("---\n", "\n---  \nname: z\n---\n"),
            ] {
                for text in [
                    format!("{start}{head}{end}"),
                    format!("{start}{head}{end}").replace('\n', "\r\n"),
                ] {
                    let expected = (Some(name.to_owned()), Some(description.to_owned()));
                    assert_eq!(texts(&text), expected, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_text_is_not_taken_for_one() {
        let nothing = (None, None);
        for head in [
            "",
            "# nothing\n",
            "name:\ndescription: ''\n",
            "name: [a]\ndescription: {b: c}\n",
            "name: 7\ndescription: true\n",
            "names: a\n name: b\n",
        ] {
            let text = format!("---\n{head}---\n");
            match Head::of(&text) {
                Ok(_) => assert_eq!(texts(&text), nothing, "{text:?}"),
                Err(why) => assert!(head.starts_with("names"), "{text:?}: {why}"),
            }
        }
    }

    #[test]
    fn a_head_has_a_start_and_an_end() {
        for text in [
            "",
            "---",
            "---\nname: a\n",
            "---\nname: a\n----\n",
            "---\nname: a\n ---\n",
            "--- name: a\n---\n",
            "\n---\nname: a\n---\n",
            "\u{feff}---\nname: a\n---\n",
            "name: a\n---\n",
        ] {
            assert!(Head::of(text).unwrap().is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_yaml_says_why() {
        for (head, why) in [
            ("name: a\nname: b", "`name` appears twice"),
            ("- a", "no mapping"),
            ("description: use it when: always", ""),
            ("name: 'a", ""),
            ("name: *a", "needs quotes"),
        ] {
            let error = Head::of(&format!("---\n{head}\n---\n")).unwrap_err();
            assert!(
                error.contains(why) && !error.contains('\n'),
                "{head}: {error}"
            );
        }
    }
}
