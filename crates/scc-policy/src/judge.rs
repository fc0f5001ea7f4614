//! The rules that plugins and MCP servers share, and their order: blocked, not delegated, not in
//! the allowlist.

use scc_config::{McpCandidates, McpPatterns, Pattern, PluginPatterns, PluginRef};

use crate::decision::{Asked, Decision, Layer, Origin, Outcome, Reason, Rule};
use crate::delegation::Undelegated;
use crate::exceptions::Lift;
use crate::layers::Layers;

/// Something that patterns are compared with.
pub(crate) trait Subject {
    /// Prepared patterns of its kind.
    type Patterns;

    fn prepare<'p>(patterns: impl Iterator<Item = &'p str>) -> Self::Patterns;

    /// The number of a pattern that fits.
    fn find(&self, patterns: &Self::Patterns) -> Option<usize>;

    /// As `find`, for patterns that forbid: these see what is written, used or not.
    fn find_any(&self, patterns: &Self::Patterns) -> Option<usize> {
        self.find(patterns)
    }

    /// As `find`, for patterns that let in what an agent may have written: these do not go by a name
    /// behind which anything can stand.
    fn find_firmly(&self, patterns: &Self::Patterns) -> Option<usize> {
        self.find(patterns)
    }

    /// As `find`, for patterns that stand for the whole of it, as it is.
    fn find_whole(&self, patterns: &Self::Patterns) -> Option<usize> {
        self.find(patterns)
    }
}

impl Subject for PluginRef {
    type Patterns = PluginPatterns;

    fn prepare<'p>(patterns: impl Iterator<Item = &'p str>) -> PluginPatterns {
        PluginPatterns::new(patterns)
    }

    fn find(&self, patterns: &PluginPatterns) -> Option<usize> {
        patterns.find(self)
    }
}

impl Subject for McpCandidates {
    type Patterns = McpPatterns;

    fn prepare<'p>(patterns: impl Iterator<Item = &'p str>) -> McpPatterns {
        McpPatterns::new(patterns)
    }

    fn find(&self, patterns: &McpPatterns) -> Option<usize> {
        self.find(patterns)
    }

    fn find_any(&self, patterns: &McpPatterns) -> Option<usize> {
        self.find_any(patterns)
    }

    fn find_firmly(&self, patterns: &McpPatterns) -> Option<usize> {
        self.find_meant_place(patterns)
            .or_else(|| self.find_whole(patterns))
    }

    fn find_whole(&self, patterns: &McpPatterns) -> Option<usize> {
        self.find_whole(patterns)
    }
}

/// The rules for one kind of subject, prepared once.
pub(crate) struct Judge<'a, S: Subject> {
    layers: Layers<'a>,
    blocked: List<'a, S>,
    allowed: Option<List<'a, S>>,
    policy: Vec<(S::Patterns, Rule)>,
    local: Vec<(S::Patterns, Rule)>,
}

/// A list of patterns in the organization's document.
pub(crate) struct List<'a, S: Subject> {
    key: &'static str,
    patterns: &'a [Pattern],
    prepared: S::Patterns,
}

impl<'a, S: Subject> List<'a, S> {
    pub(crate) fn new(key: &'static str, patterns: &'a [Pattern]) -> Self {
        let prepared = S::prepare(patterns.iter().map(Pattern::as_str));
        Self {
            key,
            patterns,
            prepared,
        }
    }

    /// The pattern that forbids, as a rule.
    pub(crate) fn rule(&self, subject: &S, layers: &Layers<'_>) -> Option<Rule> {
        let number = subject.find_any(&self.prepared)?;
        let pattern = self.patterns[number].as_str();
        let pointer = format!("/{}/{number}", self.key.replace('.', "/"));
        let origin = layers.org_origin(Layer::Organization, &pointer);
        Some(Rule::new(format!("{}: `{pattern}`", self.key), origin))
    }
}

/// What the shared rules say.
pub(crate) enum Ruling {
    /// Nothing stands against it; the exception that was needed for that.
    Free(Option<Rule>),
    /// It is refused.
    Refused(Box<Decision>),
}

impl<'a, S: Subject> Judge<'a, S> {
    pub(crate) fn new(
        layers: Layers<'a>,
        blocked: List<'a, S>,
        allowed: Option<List<'a, S>>,
        (policy, local): (&[Lift<'a>], &[Lift<'a>]),
        patterns: fn(&Lift<'a>) -> &'a [Pattern],
    ) -> Self {
        let prepare = |lifts: &[Lift<'a>]| {
            let lifts = lifts.iter().filter(|lift| !patterns(lift).is_empty());
            lifts
                .map(|lift| {
                    let words = patterns(lift).iter().map(Pattern::as_str);
                    (S::prepare(words), lift.rule.clone())
                })
                .collect()
        };
        Self {
            layers,
            blocked,
            allowed,
            policy: prepare(policy),
            local: prepare(local),
        }
    }

    /// What the rules say about something that the organization itself gives to everybody: only a
    /// block stands against it.
    pub(crate) fn baseline(&self, asked: &Asked, subject: &S) -> Ruling {
        match self.block(asked, subject) {
            Some(Err(blocked)) => Ruling::Refused(blocked),
            Some(Ok(rule)) => Ruling::Free(Some(rule)),
            None => Ruling::Free(None),
        }
    }

    /// What the rules say about an addition.
    pub(crate) fn addition(
        &self,
        asked: &Asked,
        subject: &S,
        delegated: Result<(), Undelegated>,
    ) -> Ruling {
        let mut lifted = match self.block(asked, subject) {
            Some(Err(blocked)) => return Ruling::Refused(blocked),
            Some(Ok(rule)) => Some(rule),
            None => None,
        };
        if let Err(undelegated) = delegated {
            match self.lift(asked, subject, undelegated.liftable) {
                Some(rule) => lifted = lifted.or(Some(rule)),
                None => {
                    let decision = self.undelegated(asked, undelegated);
                    return Ruling::Refused(Box::new(self.noted(decision, subject)));
                }
            }
        }
        if let Some(allowed) = &self.allowed
            && subject.find(&allowed.prepared).is_none()
        {
            match self.lift(asked, subject, true) {
                Some(rule) => lifted = lifted.or(Some(rule)),
                None => {
                    let decision = self.unlisted(asked, allowed.key);
                    return Ruling::Refused(Box::new(self.noted(decision, subject)));
                }
            }
        }
        Ruling::Free(lifted)
    }

    /// A block, or the exception that lifts it; `None` where there is neither.
    fn block(&self, asked: &Asked, subject: &S) -> Option<Result<Rule, Box<Decision>>> {
        let rule = self.blocked.rule(subject, &self.layers)?;
        if let Some(exception) = find(&self.policy, subject) {
            return Some(Ok(exception));
        }
        let message = "the organization's security blocks it".to_owned();
        let decision = asked.decide(Outcome::Blocked, Reason::BlockedBySecurity, message);
        let step = format!("ask {} for a policy exception", self.layers.contact());
        Some(Err(Box::new(decision.by(rule).then(step))))
    }

    /// The decision about an addition that would hand values of the host to whoever wrote it, unless
    /// somebody lifts that for the addition as it is: where the values go and which they are must
    /// not change behind an exception.
    pub(crate) fn host_values(&self, asked: &Asked, subject: &S) -> Result<Rule, Box<Decision>> {
        let whole = |lifts| find_by(lifts, |patterns| subject.find_whole(patterns));
        let lifted = whole(&self.policy).or_else(|| whole(&self.local));
        lifted.or_else(|| self.assumed()).ok_or_else(|| {
            let message = "it takes values from this machine, and an agent can write its document";
            let decision = asked.decide(Outcome::Denied, Reason::HostValue, message.to_owned());
            let decision = decision.lifted_by(self.unblock(asked));
            Box::new(self.noted(decision, subject))
        })
    }

    fn lift(&self, asked: &Asked, subject: &S, locally: bool) -> Option<Rule> {
        let local = || {
            find_by(&self.local, |patterns| match asked.origin.layer {
                Layer::Workspace => subject.find_firmly(patterns),
                _ => subject.find(patterns),
            })
        };
        let local = || locally.then(local).flatten();
        let assumed = || locally.then(|| self.assumed()).flatten();
        find(&self.policy, subject).or_else(local).or_else(assumed)
    }

    fn assumed(&self) -> Option<Rule> {
        let rule = || Rule::new("exception", Origin::of(Layer::Exception));
        self.layers.assumes_lifted.then(rule)
    }

    /// A refusal with the developer's exception that seems to be for it and does not count.
    fn noted(&self, mut decision: Decision, subject: &S) -> Decision {
        let seeming = decision.liftable.then(|| find(&self.local, subject));
        if let Some(rule) = seeming.flatten() {
            let text = rule.text;
            decision.message += &format!(
                "; {text} does not lift this: what the workspace's document adds is let in as it is only"
            );
        }
        decision
    }

    fn undelegated(&self, asked: &Asked, undelegated: Undelegated) -> Decision {
        let Undelegated {
            reason,
            message,
            rule,
            liftable,
        } = undelegated;
        let decision = asked.decide(Outcome::Denied, reason, message).by(rule);
        match liftable {
            true => decision.lifted_by(self.unblock(asked)),
            false => decision.then(format!("ask {}", self.layers.contact())),
        }
    }

    fn unlisted(&self, asked: &Asked, key: &str) -> Decision {
        let pointer = format!("/{}", key.replace('.', "/"));
        let rule = Rule::new(key, self.layers.org_origin(Layer::Organization, &pointer));
        let message = format!("no pattern of `{key}` fits");
        let decision = asked.decide(Outcome::Denied, Reason::NotInAllowlist, message);
        decision.by(rule).lifted_by(self.unblock(asked))
    }

    fn unblock(&self, asked: &Asked) -> String {
        let item = quoted(&asked.item);
        let contact = self.layers.contact();
        format!("run `scc unblock {item} --reason …` for a limited time, or ask {contact}")
    }
}

/// A word that a shell reads as one.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"@._-/:".contains(&b);
    match word.bytes().all(plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn find<S: Subject>(exceptions: &[(S::Patterns, Rule)], subject: &S) -> Option<Rule> {
    find_by(exceptions, |patterns| subject.find(patterns))
}

fn find_by<P>(exceptions: &[(P, Rule)], fits: impl Fn(&P) -> Option<usize>) -> Option<Rule> {
    let mut exceptions = exceptions.iter();
    let found = exceptions.find(|(patterns, _)| fits(patterns).is_some());
    found.map(|(_, rule)| rule.clone())
}

/// The decision about an addition that nothing stands against.
pub(crate) fn allowed(asked: &Asked, lifted: Option<Rule>) -> Decision {
    let (reason, message) = match (&lifted, asked.origin.layer) {
        (Some(rule), _) => (Reason::Exception, format!("allowed by {}", rule.text)),
        (None, Layer::Organization) => (
            Reason::Baseline,
            "the organization gives it to everybody".to_owned(),
        ),
        (None, layer) => (
            Reason::Delegated,
            format!("the {} layer may add it", layer.as_str()),
        ),
    };
    asked.decide(Outcome::Allowed, reason, message).by(lifted)
}
