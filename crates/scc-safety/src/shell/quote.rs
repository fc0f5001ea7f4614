//! ANSI-C quotes, `$'…'`.

/// The text that stands between `$'` and `'`.
pub(crate) fn ansi_c(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut bytes = Vec::new();
    let mut chars = quoted.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\\' {
            flush(&mut text, &mut bytes);
            text.push(char);
            continue;
        }
        let Some(escape) = chars.next() else {
            break;
        };
        let mut number = |first: Option<char>, radix: u32, most: usize| {
            let mut value = first.and_then(|digit| digit.to_digit(radix));
            let mut digits = usize::from(value.is_some());
            while digits < most {
                let Some(digit) = chars.peek().and_then(|digit| digit.to_digit(radix)) else {
                    break;
                };
                value = Some(value.unwrap_or(0).wrapping_mul(radix).wrapping_add(digit));
                digits += 1;
                chars.next();
            }
            value
        };
        match escape {
            // Several of these may make one character, so that they are kept as bytes at first.
            'x' => bytes.extend(number(None, 16, 2).map(low_byte)),
            '0'..='7' => bytes.extend(number(Some(escape), 8, 3).map(low_byte)),
            'u' | 'U' => {
                let most = if escape == 'u' { 4 } else { 8 };
                let value = number(None, 16, most).and_then(char::from_u32);
                flush(&mut text, &mut bytes);
                text.extend(value);
            }
            'c' => {
                flush(&mut text, &mut bytes);
                let control = chars
                    .next()
                    .map(|letter| char::from(low_byte(letter as u32) & 0x1f));
                text.extend(control);
            }
            _ => {
                flush(&mut text, &mut bytes);
                match simple(escape) {
                    Some(char) => text.push(char),
                    None => text.extend(['\\', escape]),
                }
            }
        }
    }
    flush(&mut text, &mut bytes);
    text
}

/// An escape of one letter.
pub(crate) fn simple(letter: char) -> Option<char> {
    Some(match letter {
        'a' => '\x07',
        'b' => '\x08',
        'e' | 'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '\'' | '"' | '?' => letter,
        _ => return None,
    })
}

fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

fn flush(text: &mut String, bytes: &mut Vec<u8>) {
    text.push_str(&String::from_utf8_lossy(bytes));
    bytes.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_as_bash_does() {
        for (quoted, text) in [
            ("push", "push"),
            (r"\x70\x75\163h", "push"),
            (r"\u0070ush", "push"),
            (r"\U00000070ush", "push"),
            (r"a\tb\n", "a\tb\n"),
            (r"\'\\", r"'\"),
            (r"\xc3\xa4", "ä"),
            (r"\z", r"\z"),
            (r"\cA", "\x01"),
            ("\\", ""),
        ] {
            assert_eq!(ansi_c(quoted), text, "{quoted}");
        }
    }
}
