//! Finding sandboxes.

use std::collections::{BTreeMap, HashMap};

use bollard::Docker;
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum,
};
use bollard::query_parameters::ListContainersOptions;

use super::failure::{failed, status};
use super::lifecycle::named;
use crate::{EngineError, Sandbox, SandboxState, labels};

/// A filter for everything that has all these labels.
pub(super) fn label_filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let wanted: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if wanted.is_empty() {
        HashMap::new()
    } else {
        [("label".to_owned(), wanted)].into()
    }
}

/// Containers in every state, helpers included.
pub(super) async fn containers(
    docker: &Docker,
    labels: &[(&str, &str)],
) -> Result<Vec<ContainerSummary>, EngineError> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(label_filter(labels)),
        ..ListContainersOptions::default()
    };
    docker
        .list_containers(Some(options))
        .await
        .map_err(failed("listing sandboxes", "the engine"))
}

pub(super) async fn list(
    docker: &Docker,
    labels: &[(&str, &str)],
) -> Result<Vec<Sandbox>, EngineError> {
    let mut found = containers(docker, labels).await?;
    found.retain(|container| !is_helper(container));
    found.sort_by_key(|container| std::cmp::Reverse(container.created));
    Ok(found.into_iter().map(from_summary).collect())
}

/// The runtime's own containers are no sandboxes.
pub(super) fn is_helper(container: &ContainerSummary) -> bool {
    has_role(container, labels::ROLE_READER) || has_role(container, labels::ROLE_SEALED)
}

pub(super) fn has_role(container: &ContainerSummary, role: &str) -> bool {
    let labels = container.labels.as_ref();
    labels
        .and_then(|all| all.get(labels::ROLE))
        .map(String::as_str)
        == Some(role)
}

fn from_summary(found: ContainerSummary) -> Sandbox {
    let name = found
        .names
        .unwrap_or_default()
        .into_iter()
        .next()
        .unwrap_or_default();
    let created = jiff::Timestamp::from_second(found.created.unwrap_or_default());
    Sandbox {
        id: found.id.unwrap_or_default(),
        name: name.trim_start_matches('/').to_owned(),
        labels: sorted(found.labels),
        image: found.image.unwrap_or_default(),
        state: match found.state {
            Some(ContainerSummaryStateEnum::CREATED) => SandboxState::Created,
            Some(
                ContainerSummaryStateEnum::RUNNING
                | ContainerSummaryStateEnum::PAUSED
                | ContainerSummaryStateEnum::RESTARTING,
            ) => SandboxState::Running,
            Some(ContainerSummaryStateEnum::EXITED) => SandboxState::Exited { status: None },
            _ => SandboxState::Gone,
        },
        created_at: created.map(|time| time.to_string()).unwrap_or_default(),
        finished_at: None,
        out_of_memory: false,
    }
}

pub(super) async fn inspect(docker: &Docker, id: &str) -> Result<Option<Sandbox>, EngineError> {
    match docker.inspect_container(id, None).await {
        Ok(found) => Ok(Some(from_inspection(found))),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failed("looking at the sandbox", &named(id))(error)),
    }
}

fn from_inspection(found: ContainerInspectResponse) -> Sandbox {
    let state = found.state.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    Sandbox {
        id: found.id.unwrap_or_default(),
        name: found
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        labels: sorted(config.labels),
        image: config.image.unwrap_or_default(),
        state: match state.status {
            Some(ContainerStateStatusEnum::CREATED) => SandboxState::Created,
            Some(
                ContainerStateStatusEnum::RUNNING
                | ContainerStateStatusEnum::PAUSED
                | ContainerStateStatusEnum::RESTARTING,
            ) => SandboxState::Running,
            Some(ContainerStateStatusEnum::EXITED) => SandboxState::Exited {
                status: state.exit_code,
            },
            _ => SandboxState::Gone,
        },
        created_at: found
            .created
            .and_then(|text| utc(&text))
            .unwrap_or_default(),
        finished_at: state.finished_at.and_then(|text| utc(&text)),
        out_of_memory: state.oom_killed.unwrap_or_default(),
    }
}

/// A time of the engine in UTC. Its zero time means "never".
fn utc(text: &str) -> Option<String> {
    if text.starts_with("0001-01-01") {
        return None;
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    Some(time.map_or_else(|_| text.to_owned(), |time| time.to_string()))
}

fn sorted(labels: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    labels.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_never_is_none() {
        assert_eq!(utc("0001-01-01T00:00:00Z"), None);
        assert_eq!(
            utc("2026-01-02T03:04:05+01:00").as_deref(),
            Some("2026-01-02T02:04:05Z")
        );
    }

    #[test]
    fn a_summary_becomes_a_sandbox() {
        let found = ContainerSummary {
            id: Some("1".to_owned()),
            names: Some(vec!["/box".to_owned()]),
            created: Some(0),
            state: Some(ContainerSummaryStateEnum::PAUSED),
            ..ContainerSummary::default()
        };
        let sandbox = from_summary(found);
        assert_eq!(
            (sandbox.name.as_str(), sandbox.state),
            ("box", SandboxState::Running)
        );
        assert_eq!(sandbox.created_at, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn filters_name_all_labels() {
        let filter = label_filter(&[("a", "1"), ("b", "2")]);
        assert_eq!(filter["label"], ["a=1", "b=2"]);
        assert!(label_filter(&[]).is_empty());
    }
}
