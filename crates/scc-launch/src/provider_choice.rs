//! Which provider a launch uses.

use scc_config::ProviderPreference;

/// What the choice depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChoiceInput<'a> {
    /// `--provider`.
    pub flag: Option<&'a str>,
    /// The provider of the session that is resumed.
    pub resumed: Option<&'a str>,
    /// The user's preference.
    pub preference: Option<&'a ProviderPreference>,
    /// What this workspace used last.
    pub last_used: Option<&'a str>,
    /// The providers that may be used, in order of display.
    pub viable: &'a [&'a str],
}

/// The outcome of the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderChoice {
    /// This one, for that reason.
    Use {
        /// The provider's id.
        id: String,
        /// The rule that decided, for people.
        reason: &'static str,
    },
    /// A person has to say; `preselected` is offered first.
    Ask {
        /// The id to preselect.
        preselected: Option<String>,
    },
}

/// Applies the rules in order; the first that decides wins: the flag, the resumed session's
/// provider, the preference `ask` with several viable providers, what the workspace used last, the
/// preference, the only viable provider. A rule that names a provider that is not viable decides
/// only if the user typed it now (the flag) or a session depends on it; the caller then refuses.
#[must_use]
pub fn choose_provider(input: &ChoiceInput<'_>) -> ProviderChoice {
    let chosen = |id: &str, reason| ProviderChoice::Use {
        id: id.to_owned(),
        reason,
    };
    let viable = |id: &&str| input.viable.contains(id);
    let last_used = input.last_used.filter(viable);
    if let Some(id) = input.flag {
        return chosen(id, "chosen with --provider");
    }
    if let Some(id) = input.resumed {
        return chosen(id, "the resumed session's provider");
    }
    let asks = input.preference == Some(&ProviderPreference::Ask);
    if asks && input.viable.len() > 1 {
        return ProviderChoice::Ask {
            preselected: last_used.map(str::to_owned),
        };
    }
    if let Some(id) = last_used {
        return chosen(id, "last used in this workspace");
    }
    if let Some(ProviderPreference::Id(id)) = input.preference
        && viable(&id.as_str())
    {
        return chosen(id, "your preference");
    }
    match input.viable {
        [only] => chosen(only, "the only one available"),
        _ => ProviderChoice::Ask { preselected: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[&str] = &["one", "two"];

    fn used(choice: ProviderChoice) -> String {
        match choice {
            ProviderChoice::Use { id, .. } => id,
            ProviderChoice::Ask { preselected } => {
                format!("ask:{}", preselected.unwrap_or_default())
            }
        }
    }

    #[test]
    fn the_first_rule_that_decides_wins() {
        let one = ProviderPreference::Id("one".to_owned());
        let all = ChoiceInput {
            flag: Some("a"),
            resumed: Some("b"),
            preference: Some(&ProviderPreference::Ask),
            last_used: Some("two"),
            viable: BOTH,
        };
        assert_eq!(used(choose_provider(&all)), "a");
        let no_flag = ChoiceInput { flag: None, ..all };
        assert_eq!(used(choose_provider(&no_flag)), "b");
        let asks = ChoiceInput {
            resumed: None,
            ..no_flag
        };
        assert_eq!(used(choose_provider(&asks)), "ask:two");
        let asks_for_one = ChoiceInput {
            viable: &["two"],
            ..asks
        };
        assert_eq!(used(choose_provider(&asks_for_one)), "two");
        let prefers = ChoiceInput {
            preference: Some(&one),
            ..asks
        };
        assert_eq!(used(choose_provider(&prefers)), "two");
        let unused = ChoiceInput {
            last_used: None,
            ..prefers
        };
        assert_eq!(used(choose_provider(&unused)), "one");
        let only = ChoiceInput {
            preference: None,
            viable: &["two"],
            ..unused
        };
        assert_eq!(used(choose_provider(&only)), "two");
        let undecided = ChoiceInput {
            preference: None,
            ..unused
        };
        assert_eq!(used(choose_provider(&undecided)), "ask:");
    }

    #[test]
    fn remembered_choices_that_are_not_viable_are_passed_over() {
        let gone = ProviderPreference::Id("gone".to_owned());
        let input = ChoiceInput {
            preference: Some(&gone),
            last_used: Some("gone"),
            viable: &["two"],
            ..ChoiceInput::default()
        };
        assert_eq!(used(choose_provider(&input)), "two");
    }
}
