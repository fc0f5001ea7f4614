//! What a fresh checkout needs before work: its dependencies, installed inside the sandbox. Their
//! scripts are code of the workspace like any other, and never run on the host.

use std::path::Path;

/// How a workspace's dependencies are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installer {
    /// The program, which the image may have or not.
    pub program: &'static str,
    /// Its whole command line, for a shell.
    pub command: &'static str,
}

/// Groups of files at the root and what each asks for; the first of a group that is there decides.
const GROUPS: [&[(&str, &str)]; 9] = [
    &[
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn install --frozen-lockfile"),
        ("bun.lock", "bun install --frozen-lockfile"),
        ("bun.lockb", "bun install --frozen-lockfile"),
        ("package-lock.json", "npm ci"),
        ("npm-shrinkwrap.json", "npm ci"),
        ("package.json", "npm install"),
    ],
    &[
        ("uv.lock", "uv sync"),
        ("poetry.lock", "poetry install"),
        ("Pipfile.lock", "pipenv sync"),
        ("requirements.txt", "pip install --user -r requirements.txt"),
        ("pyproject.toml", "pip install --user -e ."),
    ],
    &[("Cargo.toml", "cargo fetch")],
    &[("go.mod", "go mod download")],
    &[("Gemfile", "bundle install")],
    &[("composer.json", "composer install")],
    &[("mix.exs", "mix deps.get")],
    &[("pubspec.yaml", "dart pub get")],
    &[
        ("build.gradle", "gradle dependencies"),
        ("pom.xml", "mvn dependency:go-offline"),
    ],
];

/// What installs the dependencies of the workspace with this root, by the files that are there.
#[must_use]
pub fn installers(root: &Path) -> Vec<Installer> {
    let wanted = |group: &&[(&str, &'static str)]| {
        let (_, command) = group.iter().find(|(file, _)| root.join(file).is_file())?;
        let program = command.split(' ').next()?;
        Some(Installer { program, command })
    };
    GROUPS.iter().filter_map(wanted).collect()
}

/// The command line of the main process: installs, then becomes the agent. Where installing fails
/// no agent starts, since its screen would hide why.
pub(crate) fn with_installers(installers: &[Installer], agent: Vec<String>) -> Vec<String> {
    if installers.is_empty() {
        return agent;
    }
    let mut script = String::new();
    for Installer { program, command } in installers {
        script.push_str(&format!(
            "command -v {program} >/dev/null || {{ echo 'scc: the image has no `{program}`, so \
             `{command}` cannot run' >&2; exit 127; }}\n\
             echo 'scc: {command}' >&2\n\
             {command} </dev/null >&2 || {{ s=$?; echo 'scc: `{command}` failed; no agent was \
             started' >&2; exit $s; }}\n"
        ));
    }
    script.push_str("exec \"$@\"\n");
    let shell = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
    shell.into_iter().chain(agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_decides() {
        let dir = tempfile::tempdir().unwrap();
        let commands = || {
            let all = installers(dir.path());
            all.iter().map(|i| i.command).collect::<Vec<_>>()
        };
        assert_eq!(commands(), [""; 0]);
        std::fs::write(dir.path().join("package.json"), "").unwrap();
        assert_eq!(commands(), ["npm install"]);
        std::fs::write(dir.path().join("package-lock.json"), "").unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(commands(), ["npm ci", "cargo fetch"]);
        std::fs::create_dir(dir.path().join("uv.lock")).unwrap();
        assert_eq!(commands().len(), 2);
    }

    fn run(command: &'static str) -> (Option<i32>, String) {
        let installer = Installer {
            program: command.split(' ').next().unwrap(),
            command,
        };
        let agent = ["/bin/echo", "agent", "two words"].map(str::to_owned);
        let argv = with_installers(&[installer], agent.into());
        let mut shell = std::process::Command::new(&argv[0]);
        let output = shell.args(&argv[1..]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    #[test]
    fn the_agent_starts_only_when_everything_is_there() {
        let (status, said) = run("true --all");
        assert_eq!(
            (status, said.as_str()),
            (Some(0), "agent two words\nscc: true --all\n")
        );
        let (status, said) = run("false");
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("no agent was started"), "{said}");
        let (status, said) = run("no-such-program x");
        assert_eq!(status, Some(127), "{said}");
        assert!(
            said.contains("the image has no `no-such-program`"),
            "{said}"
        );
    }
}
