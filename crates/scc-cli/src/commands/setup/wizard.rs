//! The answers of setup: from the command line, or by asking.

use std::path::PathBuf;

use scc_config::{OrganizationSource, ProviderPreference, SecretSource, UserConfig};
use scc_launch::LaunchError;
use scc_sources::Source;

use super::organization::{self, Organization};
use super::{Answers, Args, Rules, authorities};
use crate::context::Context;
use crate::error::{CertificateNamed, CliError};
use crate::host;
use crate::prompt::Prompter;

/// Only what was given; nothing is asked.
pub(super) fn from_flags(
    args: &Args,
    current: &UserConfig,
    context: &Context,
) -> Result<Answers, CliError> {
    let certificates = certificates(&args.ca_certificate)?;
    let settings = typed_organization(args)?;
    let recorded = current.organization.clone();
    let recorded = recorded.filter(|_| !current.standalone && !args.standalone);
    let is_set_up = current.standalone || recorded.is_some();
    if settings.is_none() && !args.standalone && !is_set_up {
        return Err(undecided());
    }
    let trusted = authorities(current.ca_certificates.clone(), &certificates);
    let mut answers = Answers {
        rules: match args.standalone {
            true => Rules::Standalone,
            false => Rules::AsBefore,
        },
        team: None,
        provider: None,
        certificates,
        base_image: args.base_image.as_deref().map(base_image).transpose()?,
    };
    // A team or an agent can only be judged by the organization's document.
    let judged = args.team.is_some() || args.provider.is_some();
    if let Some(settings) = settings.or(recorded.filter(|_| judged)) {
        let organization = organization::load(settings, &trusted, context)?;
        answers.rules = Rules::Organization(Box::new(organization));
    }
    answers.team = team(args.team.as_deref(), &answers.rules)?;
    let team = answers.team.as_deref().or(current.team.as_deref());
    answers.provider = match &args.provider {
        Some(id) => Some(provider(id, &answers.rules, team, context)?),
        None => None,
    };
    Ok(answers)
}

fn typed_organization(args: &Args) -> Result<Option<OrganizationSource>, CliError> {
    let Some(source) = &args.org else {
        return Ok(None);
    };
    let auth = args.auth.as_deref().map(secret_source).transpose()?;
    let source = organization::source(source)?;
    Ok(Some(organization::settings(
        &source,
        auth,
        args.auth_header.as_deref(),
    )))
}

fn secret_source(text: &str) -> Result<SecretSource, CliError> {
    text.parse().map_err(|reason: String| CliError::Usage {
        message: format!("the credential is {reason}"),
        hint: "such as env:ORG_TOKEN".to_owned(),
    })
}

/// A reference that can be recorded.
fn base_image(reference: &str) -> Result<String, CliError> {
    let strange = |c: char| c.is_whitespace() || c.is_control();
    let good = !reference.is_empty() && !reference.starts_with('-') && !reference.contains(strange);
    match good {
        true => Ok(reference.to_owned()),
        false => Err(CliError::Usage {
            message: format!(
                "`{}` is not the reference of an image",
                reference.escape_debug()
            ),
            hint: "such as --base-image debian:bookworm-slim".to_owned(),
        }),
    }
}

fn team(name: Option<&str>, rules: &Rules) -> Result<Option<String>, CliError> {
    match (name, rules) {
        (None, _) => Ok(None),
        (Some(name), Rules::Organization(organization)) => organization.team(name).map(Some),
        (Some(_), _) => Err(CliError::Usage {
            message: "teams belong to an organization, and scc is standalone here".to_owned(),
            hint: "pass --org SOURCE as well".to_owned(),
        }),
    }
}

fn provider(
    id: &str,
    rules: &Rules,
    team: Option<&str>,
    context: &Context,
) -> Result<ProviderPreference, CliError> {
    if id == "ask" {
        return Ok(ProviderPreference::Ask);
    }
    if context.registry.get(id).is_none() {
        let known = context.registry.ids();
        let id = id.to_owned();
        return Err(LaunchError::UnknownProvider { id, known }.into());
    }
    let allowed = allowed(rules, team, context);
    if !allowed.contains(&id) {
        return Err(CliError::Refused {
            message: format!("the organization does not allow the provider `{id}`"),
            hint: format!("it allows: {}", allowed.join(", ")),
        });
    }
    Ok(ProviderPreference::Id(id.to_owned()))
}

fn allowed(rules: &Rules, team: Option<&str>, context: &Context) -> Vec<&'static str> {
    let mut ids = context.registry.ids();
    if let Rules::Organization(organization) = rules {
        ids.retain(|id| organization.allows(id, team));
    }
    ids
}

/// The certificate authorities that were named, with absolute paths and readable.
fn certificates(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let named_by = CertificateNamed::Flag("--ca-certificate");
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| CliError::Certificate {
            named_by,
            path: path.clone(),
            reason: error.to_string(),
        })
    };
    let paths = paths.iter().map(absolute).collect::<Result<Vec<_>, _>>()?;
    host::read_certificates(named_by, &paths)?;
    Ok(paths)
}

fn undecided() -> CliError {
    CliError::Usage {
        message: "nothing says whose rules are to apply on this machine".to_owned(),
        hint: "pass `--org SOURCE` (and `--team NAME`), or `--standalone`; \
               `scc setup --help` lists the rest"
            .to_owned(),
    }
}

/// Asks for everything.
pub(super) fn ask(
    args: &Args,
    current: &UserConfig,
    prompter: Prompter,
    context: &Context,
) -> Result<Answers, CliError> {
    let ask = Questions {
        args,
        prompter,
        current,
        context,
    };
    let mut answers = Answers {
        rules: Rules::Standalone,
        team: None,
        provider: None,
        certificates: Vec::new(),
        base_image: None,
    };
    if ask.standalone()? {
        answers.certificates = ask.certificates()?;
    } else {
        let (organization, certificates) = ask.organization()?;
        answers.certificates = certificates;
        if !args.quick {
            answers.team = ask.team(&organization)?;
        }
        answers.rules = Rules::Organization(Box::new(organization));
    }
    if !args.quick {
        let team = answers.team.as_deref();
        answers.provider = ask.provider(&allowed(&answers.rules, team, context))?;
    }
    Ok(answers)
}

struct Questions<'a> {
    args: &'a Args,
    prompter: Prompter,
    current: &'a UserConfig,
    context: &'a Context,
}

impl Questions<'_> {
    fn standalone(&self) -> Result<bool, CliError> {
        let options = [
            "My organization's".to_owned(),
            "Nobody's (standalone): no organization's rules apply".to_owned(),
        ];
        let preselected = usize::from(self.current.standalone);
        let question = "Whose rules apply on this machine?";
        let choice = self
            .prompter
            .select(question, &options, preselected, undecided())?;
        Ok(choice == 1)
    }

    /// Asks again until the answer is usable.
    fn until_usable<T>(
        &self,
        question: &str,
        suggested: &str,
        usable: impl Fn(&str) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        loop {
            let answer = self.prompter.line(question, suggested, undecided())?;
            match usable(&answer) {
                Ok(value) => return Ok(value),
                Err(error) => self.context.printer.error(&error),
            }
        }
    }

    /// The organization, fetched, and the authorities that were needed for that. Where its document
    /// cannot be had, everything about it is asked again.
    fn organization(&self) -> Result<(Organization, Vec<PathBuf>), CliError> {
        let earlier = self.current.organization.as_ref();
        let mut suggested = earlier.map_or_else(String::new, |earlier| earlier.source.clone());
        loop {
            let question = "Its document (a file, https://…, github:OWNER/REPO, or a git address):";
            let source = self.until_usable(question, &suggested, organization::source)?;
            let auth = self.credential(&source)?;
            let certificates = self.certificates()?;
            let trusted = authorities(self.current.ca_certificates.clone(), &certificates);
            let settings = organization::settings(&source, auth, None);
            match organization::load(settings, &trusted, self.context) {
                Ok(organization) => {
                    let found = organization.report();
                    self.context.printer.note(&format!("found {found}"));
                    return Ok((organization, certificates));
                }
                Err(error) => self.context.printer.error(&error),
            }
            suggested = source.to_text();
        }
    }

    /// What a source elsewhere may want to see; a file of this machine wants nothing.
    fn credential(&self, source: &Source) -> Result<Option<SecretSource>, CliError> {
        if source.is_local() {
            return Ok(None);
        }
        let earlier = self.current.organization.as_ref();
        let suggested = earlier.and_then(|earlier| earlier.auth.as_ref());
        let suggested = suggested.map(ToString::to_string).unwrap_or_default();
        let question = "Its credential (env:VARIABLE or command:COMMAND, empty for none):";
        self.until_usable(question, &suggested, |answer| match answer.is_empty() {
            true => Ok(None),
            false => secret_source(answer).map(Some),
        })
    }

    fn certificates(&self) -> Result<Vec<PathBuf>, CliError> {
        if self.args.quick {
            return Ok(Vec::new());
        }
        let question = "The PEM file of a certificate authority to trust, empty for none:";
        self.until_usable(question, "", |answer| match answer.is_empty() {
            true => Ok(Vec::new()),
            false => certificates(&[PathBuf::from(answer)]),
        })
    }

    fn team(&self, organization: &Organization) -> Result<Option<String>, CliError> {
        let teams = organization.report().teams;
        if teams.is_empty() {
            return Ok(None);
        }
        let current = teams
            .iter()
            .position(|team| Some(team) == self.current.team.as_ref());
        let mut options = vec!["none".to_owned()];
        options.extend(teams.iter().cloned());
        let question = "Which team do you work in?";
        let preselected = current.map_or(0, |current| current + 1);
        let choice = self
            .prompter
            .select(question, &options, preselected, undecided())?;
        Ok(choice.checked_sub(1).and_then(|at| teams.get(at).cloned()))
    }

    fn provider(&self, ids: &[&str]) -> Result<Option<ProviderPreference>, CliError> {
        let mut options: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        options.push("ask each time".to_owned());
        let preferred = self.current.provider.as_ref().map(ToString::to_string);
        let current = ids.iter().position(|id| Some(*id) == preferred.as_deref());
        let preselected = match preferred.as_deref() {
            Some("ask") => ids.len(),
            _ => current.unwrap_or(0),
        };
        let question = "Which agent do you prefer?";
        let choice = self
            .prompter
            .select(question, &options, preselected, undecided())?;
        Ok(Some(match ids.get(choice) {
            Some(id) => ProviderPreference::Id((*id).to_owned()),
            None => ProviderPreference::Ask,
        }))
    }
}
