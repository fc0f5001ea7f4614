//! The answers of setup: from the command line, or by asking.

use std::path::PathBuf;

use scc_config::{OrganizationSource, ProviderPreference, UserConfig};
use scc_launch::LaunchError;

use super::organization::{self, Organization};
use super::{Answers, Args, Rules, authorities};
use crate::context::Context;
use crate::error::CliError;
use crate::prompt::Prompter;

/// Only what was given; nothing is asked.
pub(super) fn from_flags(
    args: &Args,
    current: &UserConfig,
    context: &Context,
) -> Result<Answers, CliError> {
    let certificates = absolute(&args.ca_certificate)?;
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
        base_image: args.base_image.clone(),
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
    let (auth, header) = (args.auth.as_deref(), args.auth_header.as_deref());
    organization::settings(source, auth, header).map(Some)
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

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| CliError::Certificate {
            path: path.clone(),
            reason: error.to_string(),
        })
    };
    paths.iter().map(absolute).collect()
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
    let ask = Questions { prompter, current };
    let source = ask.source()?;
    let certificates = match args.quick {
        true => Vec::new(),
        false => ask.certificates()?,
    };
    let trusted = authorities(current.ca_certificates.clone(), &certificates);
    let mut answers = Answers {
        rules: Rules::Standalone,
        team: None,
        provider: None,
        certificates,
        base_image: None,
    };
    if let Some((source, auth)) = source {
        let auth = Some(auth).filter(|auth| !auth.is_empty());
        let settings = organization::settings(&source, auth.as_deref(), None)?;
        let organization = organization::load(settings, &trusted, context)?;
        let found = organization.report();
        context.printer.note(&format!("found {found}"));
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
    prompter: Prompter,
    current: &'a UserConfig,
}

impl Questions<'_> {
    /// Source and credential of an organization; `None` for standalone.
    fn source(&self) -> Result<Option<(String, String)>, CliError> {
        let options = [
            "My organization's".to_owned(),
            "Nobody's (standalone): no organization's rules apply".to_owned(),
        ];
        let preselected = usize::from(self.current.standalone);
        let question = "Whose rules apply on this machine?";
        let choice = self
            .prompter
            .select(question, &options, preselected, undecided())?;
        if choice == 1 {
            return Ok(None);
        }
        let earlier = self.current.organization.as_ref();
        let suggested = earlier.map_or("", |earlier| earlier.source.as_str());
        let question = "Its document (a file, https://…, github:OWNER/REPO, or a git address):";
        let source = self.prompter.line(question, suggested, undecided())?;
        let suggested = earlier.and_then(|earlier| earlier.auth.as_ref());
        let suggested = suggested.map(ToString::to_string).unwrap_or_default();
        let question = "Its credential (env:VARIABLE or command:COMMAND, empty for none):";
        let auth = self.prompter.line(question, &suggested, undecided())?;
        Ok(Some((source, auth)))
    }

    fn certificates(&self) -> Result<Vec<PathBuf>, CliError> {
        let question = "The PEM file of a certificate authority to trust, empty for none:";
        let answer = self.prompter.line(question, "", undecided())?;
        match answer.is_empty() {
            true => Ok(Vec::new()),
            false => absolute(&[PathBuf::from(answer)]),
        }
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
