//! Probes of the safety net: attempts to get a destructive command past the guard, and everyday work
//! that it must leave alone.
//!
//! They are data and one script: [`script`] is run by bash in a sandbox, and [`outcomes`] reads what
//! it printed. A probe does not ask whether there was a refusal; it looks whether something was
//! lost.

/// What a probe is expected to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing is lost.
    Stopped,
    /// No check by name can stop it; this is what holds it instead.
    OutOfScope(&'static str),
    /// It ends well.
    Undisturbed,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is tried; unique.
    pub name: &'static str,
    /// What is expected.
    pub expectation: Expectation,
    /// A program that it needs and that may be missing.
    pub needs: Option<&'static str>,
    /// Bash.
    pub script: String,
}

/// What an attempt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Something was lost, or fetched.
    Done,
    /// All is as it was.
    Nothing,
    /// The program that it needs is not there.
    Absent,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// The probe.
    pub name: String,
    /// What it did.
    pub effect: Effect,
    /// The exit status of its script.
    pub status: i32,
    /// The beginning of what it printed, on one line.
    pub said: String,
}

impl Outcome {
    /// Whether it came as expected. What is absent is neither.
    #[must_use]
    pub fn is_as_expected(&self, probe: &Probe) -> Option<bool> {
        match (probe.expectation, self.effect) {
            (_, Effect::Absent) => None,
            (Expectation::Stopped, effect) => Some(effect == Effect::Nothing),
            (Expectation::OutOfScope(_), effect) => Some(effect == Effect::Done),
            (Expectation::Undisturbed, _) => Some(self.status == 0),
        }
    }
}

const STOPPED: &str = include_str!("probes/stopped.txt");
const OUT_OF_SCOPE: &str = include_str!("probes/out_of_scope.txt");
const EVERYDAY: &str = include_str!("probes/everyday.txt");
const RUNNER: &str = include_str!("probes/run.sh");

/// The line that ends a probe's script where it is handed to the runner.
const END: &str = "SCC_PROBE_END";

/// Every probe of the safety net.
#[must_use]
pub fn safety_probes() -> Vec<Probe> {
    let stopped = parse(STOPPED).map(|(name, needs, script)| Probe {
        name,
        expectation: Expectation::Stopped,
        needs,
        script,
    });
    let out_of_scope = parse(OUT_OF_SCOPE).map(|(name, layer, script)| Probe {
        name,
        expectation: Expectation::OutOfScope(layer.unwrap_or_default()),
        needs: None,
        script,
    });
    let everyday = parse(EVERYDAY).map(|(name, needs, script)| Probe {
        name,
        expectation: Expectation::Undisturbed,
        needs,
        script,
    });
    stopped.chain(out_of_scope).chain(everyday).collect()
}

/// Names, what stands after `|`, and scripts.
fn parse(text: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>, String)> {
    text.split("\n=== ").skip(1).map(|part| {
        let (head, script) = part.split_once('\n').unwrap_or((part, ""));
        let (name, more) = match head.split_once(" | ") {
            Some((name, more)) => (name, Some(more)),
            None => (head, None),
        };
        (name, more, format!("{}\n", script.trim_end()))
    })
}

/// A script for bash that makes every attempt, each in a fresh repository below `/tmp`.
#[must_use]
pub fn script(probes: &[Probe]) -> String {
    let mut text = RUNNER.to_owned();
    for probe in probes {
        let strict = match probe.expectation {
            Expectation::Undisturbed => "-e",
            Expectation::Stopped | Expectation::OutOfScope(_) => "",
        };
        text.push_str(&format!(
            "attempt {} '{}' '{strict}' <<'{END}'\n{}{END}\n",
            quoted(probe.name),
            probe.needs.unwrap_or_default(),
            probe.script,
        ));
    }
    text.push_str("rm -rf \"$root\"\n");
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Reads what the script printed: one outcome a probe, in order.
#[must_use]
pub fn outcomes(printed: &str) -> Vec<Outcome> {
    printed.lines().filter_map(outcome).collect()
}

fn outcome(line: &str) -> Option<Outcome> {
    let mut fields = line.splitn(4, '\t');
    Some(Outcome {
        name: fields.next()?.to_owned(),
        effect: match fields.next()? {
            "done" => Effect::Done,
            "nothing" => Effect::Nothing,
            "absent" => Effect::Absent,
            _ => return None,
        },
        status: fields.next()?.parse().ok()?,
        said: fields.next()?.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn probes_are_told_apart_and_can_be_handed_over() {
        let probes = safety_probes();
        let names: BTreeSet<_> = probes.iter().map(|probe| probe.name).collect();
        assert_eq!(names.len(), probes.len());
        for probe in &probes {
            assert!(!probe.name.contains(['\t', '|']), "{}", probe.name);
            assert!(probe.script.trim() != "", "{}", probe.name);
            assert!(!probe.script.contains(END), "{}", probe.name);
            if let Expectation::OutOfScope(layer) = probe.expectation {
                assert!(!layer.is_empty(), "{}", probe.name);
            }
        }
        let count = |wanted: fn(&Expectation) -> bool| {
            let all = probes.iter().filter(|probe| wanted(&probe.expectation));
            all.count()
        };
        assert!(count(|e| matches!(e, Expectation::Stopped)) > 100);
        assert!(count(|e| matches!(e, Expectation::Undisturbed)) > 30);
    }

    #[test]
    fn what_the_script_prints_is_read() {
        let read = outcomes("a\tdone\t0\t\nb c\tnothing\t126\tscc refused\tit \nnoise\n");
        let outcome = |name: &str, effect, status, said: &str| Outcome {
            name: name.to_owned(),
            effect,
            status,
            said: said.to_owned(),
        };
        assert_eq!(
            read,
            [
                outcome("a", Effect::Done, 0, ""),
                outcome("b c", Effect::Nothing, 126, "scc refused\tit"),
            ]
        );
    }

    #[test]
    fn expectations() {
        let probe = |expectation| Probe {
            name: "a",
            expectation,
            needs: None,
            script: String::new(),
        };
        let outcome = |effect, status| Outcome {
            name: "a".to_owned(),
            effect,
            status,
            said: String::new(),
        };
        let stopped = probe(Expectation::Stopped);
        assert_eq!(
            outcome(Effect::Done, 0).is_as_expected(&stopped),
            Some(false)
        );
        assert_eq!(
            outcome(Effect::Nothing, 0).is_as_expected(&stopped),
            Some(true)
        );
        assert_eq!(outcome(Effect::Absent, 0).is_as_expected(&stopped), None);
        let open = probe(Expectation::OutOfScope("x"));
        assert_eq!(
            outcome(Effect::Nothing, 0).is_as_expected(&open),
            Some(false)
        );
        let everyday = probe(Expectation::Undisturbed);
        assert_eq!(
            outcome(Effect::Done, 1).is_as_expected(&everyday),
            Some(false)
        );
        assert_eq!(
            outcome(Effect::Done, 0).is_as_expected(&everyday),
            Some(true)
        );
    }
}
