//! What every provider must do with plugins and MCP servers: deliver them, or say that it does not.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    AgentProvider, Conversation, ExtensionKind, Extensions, LaunchContext, LaunchSpec, McpEndpoint,
    McpServer, Plugin, Program, ProviderSettings, Remote, SealedFile, Skill,
};

/// In a file of the plugin, by which it is recognised.
const MARK: &str = "mark-8c1f";
/// In a file of the skill.
const SKILL_MARK: &str = "mark-51d0";

pub(super) fn check(provider: &dyn AgentProvider) {
    for locked in [false, true] {
        let extensions = sample(locked);
        let spec = launch(provider, &extensions);
        super::check_sealed(provider.id(), &spec);
        check_plugin(provider.id(), &spec, &extensions.plugins[0]);
        check_skill(provider.id(), &spec, &extensions.skills[0]);
        for server in &extensions.mcp_servers {
            check_server(provider.id(), &spec, server);
        }
        let nothing = Extensions {
            locked,
            ..Extensions::default()
        };
        let spec = launch(provider, &nothing);
        assert!(spec.undelivered.is_empty(), "{}", provider.id());
    }
}

fn launch(provider: &dyn AgentProvider, extensions: &Extensions) -> LaunchSpec {
    let context = LaunchContext {
        workspace: "/work/space",
        settings: &ProviderSettings::default(),
        args: &[],
        agent_is_root: false,
        conversation: Conversation::New(super::CONVERSATION),
        command_hook: None,
        extensions,
    };
    provider.launch(&context).expect("a launch with extensions")
}

/// A plugin with a skill, a command and a hook, a skill by itself, and a server of every transport.
#[must_use]
pub fn sample(locked: bool) -> Extensions {
    Extensions {
        locked,
        plugins: vec![sample_plugin()],
        skills: vec![sample_skill()],
        mcp_servers: sample_servers(),
    }
}

fn sample_skill() -> Skill {
    let script = SealedFile {
        content: format!("#!/bin/sh\n# {SKILL_MARK}\n").into_bytes().into(),
        executable: true,
    };
    let text = "---\nname: style\ndescription: The style of the house\n---\nWrite plainly.\n";
    Skill {
        name: "style".to_owned(),
        files: BTreeMap::from([
            ("SKILL.md".to_owned(), text.into()),
            ("scripts/check".to_owned(), script),
        ]),
    }
}

fn sample_plugin() -> Plugin {
    let program = SealedFile {
        content: format!("#!/bin/sh\n# {MARK}\n").into_bytes().into(),
        executable: true,
    };
    let hooks = json!({ "hooks": { "PreToolUse": [{ "matcher": "Bash", "hooks": [{
        "type": "command", "command": "note it", "timeout": 5,
    }] }] } });
    let command = "---\ndescription: \"Deploys: all\"\n---\nDeploy $ARGUMENTS.\n";
    let skill = "---\nname: greet\ndescription: greets\n---\nSay hello.\n";
    let files = BTreeMap::from([
        ("commands/deploy.md".to_owned(), command.into()),
        ("hooks/hooks.json".to_owned(), hooks.to_string().into()),
        ("hooks/note".to_owned(), program),
        ("skills/greet/SKILL.md".to_owned(), skill.into()),
    ]);
    let entry = json!({ "name": "sample", "source": "./elsewhere", "description": "d" });
    Plugin {
        name: "sample".to_owned(),
        marketplace: "market".to_owned(),
        entry: entry.as_object().cloned().unwrap_or_default(),
        files,
    }
}

fn sample_servers() -> Vec<McpServer> {
    let remote = |variable: &str| Remote {
        url: "https://mcp.example/x".to_owned(),
        headers: BTreeMap::from([("X-Key".to_owned(), variable.to_owned())]),
    };
    let server = |name: &str, endpoint| McpServer {
        name: name.to_owned(),
        endpoint,
    };
    let program = Program {
        path: "/opt/scc/mcp/tool".to_owned(),
        variables: vec!["VARIABLE_C".to_owned()],
    };
    vec![
        server("web", McpEndpoint::Http(remote("VARIABLE_A"))),
        server("events", McpEndpoint::Sse(remote("VARIABLE_B"))),
        server("tool", McpEndpoint::Program(program)),
    ]
}

fn check_plugin(id: &str, spec: &LaunchSpec, plugin: &Plugin) {
    let reported = spec.undelivered.iter().any(|undelivered| {
        undelivered.kind == ExtensionKind::Plugin && undelivered.name == plugin.reference()
    });
    let mut files = spec.sealed.iter().flat_map(|sealed| sealed.files.values());
    let delivered = files.any(|file| {
        let text = String::from_utf8_lossy(&file.content);
        text.contains(MARK) && file.executable
    });
    assert!(
        delivered != reported,
        "{id}: a plugin is neither delivered nor reported, or both"
    );
}

/// All of it is delivered, or it is reported.
fn check_skill(id: &str, spec: &LaunchSpec, skill: &Skill) {
    let mut reported = spec.undelivered.iter();
    let reported = reported.any(|undelivered| {
        undelivered.kind == ExtensionKind::Skill && undelivered.name == skill.name
    });
    let delivered = spec.sealed.iter().any(|sealed| {
        let has = |path: &str, file: &SealedFile| {
            let same = |(at, one): (&String, &SealedFile)| {
                at.ends_with(path)
                    && one.content == file.content
                    && one.executable == file.executable
            };
            sealed.files.iter().any(same)
        };
        let mut files = skill.files.iter();
        files.all(|(path, file)| has(&format!("{}/{path}", skill.name), file))
    });
    assert!(
        delivered != reported,
        "{id}: a skill is neither delivered nor reported, or both"
    );
}

fn check_server(id: &str, spec: &LaunchSpec, server: &McpServer) {
    let name = &server.name;
    let mut reported = spec.undelivered.iter();
    let reported = reported.any(|undelivered| {
        undelivered.kind == ExtensionKind::McpServer && undelivered.name == *name
    });
    let files = format!("{:?}", spec.sealed);
    let delivered = server.variables().all(|variable| files.contains(variable));
    assert!(
        delivered != reported,
        "{id}: server `{name}` is neither delivered nor reported, or both"
    );
}
