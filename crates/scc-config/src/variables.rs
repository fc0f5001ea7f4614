//! Values in which `${NAME}` stands for a variable of the host.

use crate::secret::is_variable;

/// A value of a header or of a program's environment, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'a>(Vec<Part<'a>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl<'a> Template<'a> {
    /// Takes a value apart. Only `${` means something; a `$` alone does not.
    ///
    /// # Errors
    /// When a `${` is not closed or holds something else than the name of a variable. The message
    /// does not repeat the value, which may hold a secret.
    pub fn parse(value: &'a str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = value;
        while let Some((text, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("a `${` is not closed")?;
            if !is_variable(name) {
                return Err(
                    "between `${` and `}` there has to be the name of a variable".to_owned(),
                );
            }
            parts.extend([Part::Text(text), Part::Variable(name)]);
            rest = after;
        }
        parts.push(Part::Text(rest));
        Ok(Self(parts))
    }

    /// The names of the variables, as often as they appear.
    pub fn variables(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(*name),
            Part::Text(_) => None,
        })
    }

    /// The value with what `find` gives for each variable.
    ///
    /// # Errors
    /// The first error of `find`.
    pub fn fill<T: AsRef<str>, E>(&self, find: impl Fn(&str) -> Result<T, E>) -> Result<String, E> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable(name) => filled.push_str(find(name)?.as_ref()),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let template = Template::parse("Bearer ${A}-${_b1}$x").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["A", "_b1"]);
        let filled = template.fill(|name| Ok::<_, ()>(name.to_lowercase()));
        assert_eq!(filled.unwrap(), "Bearer a-_b1$x");
        assert_eq!(template.fill(|name| Err::<&str, _>(name.len())), Err(1));
        let plain = Template::parse("x").unwrap();
        assert_eq!(plain.fill(|_| Err::<&str, _>(())), Ok("x".to_owned()));
    }

    #[test]
    fn what_is_no_variable_is_refused_and_not_repeated() {
        for value in [
            "${",
            "hunter2${A",
            "${}",
            "${A:-hunter2}",
            "${1}",
            "${A B}",
            "${${A}}",
        ] {
            let error = Template::parse(value).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
