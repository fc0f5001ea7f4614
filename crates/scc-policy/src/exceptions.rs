//! The exceptions that are in force.

use jiff::{SignedDuration, Timestamp};
use scc_config::Pattern;

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason, Rule};
use crate::input::LocalException;
use crate::layers::Layers;

/// Patterns of exceptions in force, each with the rule it stands for.
#[derive(Default)]
pub(crate) struct Exceptions<'a> {
    /// Of the organization: these lift blocks too.
    pub(crate) policy: Vec<Lift<'a>>,
    /// Of the developer.
    pub(crate) local: Vec<Lift<'a>>,
}

/// What one exception in force is for.
pub(crate) struct Lift<'a> {
    pub(crate) plugins: &'a [Pattern],
    pub(crate) mcp_servers: &'a [Pattern],
    pub(crate) rule: Rule,
}

/// The exceptions in force at the time of the input; the others are decided to have no effect.
pub(crate) fn in_force<'a>(layers: &Layers<'a>, decisions: &mut Vec<Decision>) -> Exceptions<'a> {
    let now = layers.input.now;
    let mut found = Exceptions::default();
    let exceptions = layers.org().map(|org| org.exceptions.as_slice());
    for (number, exception) in exceptions.unwrap_or_default().iter().enumerate() {
        let origin = layers.org_origin(Layer::Organization, &format!("/exceptions/{number}"));
        let asked = Asked::new(ItemKind::Exception, &exception.id, origin.clone());
        if now >= exception.expires_at {
            decisions.push(expired(&asked, exception.expires_at));
            continue;
        }
        found.policy.push(Lift {
            plugins: &exception.allow.plugins,
            mcp_servers: &exception.allow.mcp_servers,
            rule: Rule::new(format!("exceptions: {}", exception.id), origin),
        });
    }
    for exception in layers.input.exceptions {
        if let Some(lift) = local(layers, exception, decisions) {
            found.local.push(lift);
        }
    }
    found
}

fn local<'a>(
    layers: &Layers<'a>,
    exception: &LocalException<'a>,
    decisions: &mut Vec<Decision>,
) -> Option<Lift<'a>> {
    let now = layers.input.now;
    let origin = Origin {
        layer: Layer::Exception,
        file: Some(exception.file.display().to_string()),
        line: None,
    };
    let asked = Asked::new(ItemKind::Exception, exception.id, origin.clone());
    if now >= exception.expires_at {
        decisions.push(expired(&asked, exception.expires_at));
        return None;
    }
    // Judged by what is left, not by when it says that it was made: that could be written anew.
    let longest = layers
        .delegation()
        .map(|delegation| delegation.exceptions.longest_hours());
    if let Some(hours) = longest
        && exception.expires_at.duration_since(now) > SignedDuration::from_hours(hours.into())
    {
        let message =
            format!("it lasts longer than the {hours} hours that the organization allows");
        let pointer = "/delegation/exceptions/max_ttl_hours";
        let rule = layers.org_origin(Layer::Organization, pointer);
        let decision = asked.decide(Outcome::Ignored, Reason::TooLong, message);
        decisions.push(decision.by(Rule::new("delegation.exceptions.max_ttl_hours", rule)));
        return None;
    }
    let store = exception.store.as_str();
    Some(Lift {
        plugins: exception.plugins,
        mcp_servers: exception.mcp_servers,
        rule: Rule::new(format!("exception {} ({store})", exception.id), origin),
    })
}

fn expired(asked: &Asked, at: Timestamp) -> Decision {
    asked.decide(
        Outcome::Ignored,
        Reason::Expired,
        format!("it expired at {at}"),
    )
}
