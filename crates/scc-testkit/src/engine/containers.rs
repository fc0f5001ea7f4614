//! Containers of a test's own, beside those that scc makes.

use std::time::Duration;

use serde_json::{Value, json};

use super::Engine;

/// How long a command in a container may take.
const LIMIT: Duration = Duration::from_secs(60);

impl Engine {
    /// An image with these Debian packages on top of the base image; it stays for the next time.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn image_with(&self, packages: &[&str]) -> String {
        let words = packages
            .join("-")
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let base = self
            .base_image
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let (repository, tag) = ("scc-test", format!("{base}-{words}"));
        let reference = format!("{repository}:{tag}");
        if self
            .request("GET", &format!("/images/{reference}/json"), None)
            .0
            == 200
        {
            return reference;
        }
        let install = format!(
            "apt-get update && apt-get install -y --no-install-recommends {} && apt-get clean",
            packages.join(" ")
        );
        self.changed_image(&self.base_image, &install, repository, &tag);
        reference
    }

    /// Makes an image of another one, by a script that root runs in it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn changed_image(&self, image: &str, script: &str, repository: &str, tag: &str) {
        let (status, said) = self.run_as_root(image, script, &[], |id| {
            let commit = format!("/commit?container={id}&repo={repository}&tag={tag}");
            let (status, answer) = self.request("POST", &commit, Some(&json!({})));
            assert_eq!(status, 201, "{answer}");
        });
        assert_eq!(status, 0, "{script}: {said}");
    }

    /// Runs a script as root in a container of its own, with these binds (`VOLUME:PATH[:ro]`);
    /// returns its exit status and what it printed. `after` is called with the ended container.
    ///
    /// # Panics
    /// When the engine refuses.
    pub fn run_as_root(
        &self,
        image: &str,
        script: &str,
        binds: &[&str],
        after: impl FnOnce(&str),
    ) -> (i64, String) {
        self.run_container(
            &json!({
                "Image": image,
                "Entrypoint": ["/bin/sh", "-c", script],
                "Cmd": [],
                "User": "0:0",
                "HostConfig": { "Binds": binds },
            }),
            after,
        )
    }

    /// Runs a command in a running container to its end; returns what it printed, with what the engine
    /// puts between.
    ///
    /// # Panics
    /// When the engine refuses, or the command fails.
    pub fn exec(&self, id: &str, argv: &[&str]) -> String {
        let body = json!({ "Cmd": argv, "AttachStdout": true, "AttachStderr": true });
        let (status, made) = self.request("POST", &format!("/containers/{id}/exec"), Some(&body));
        assert_eq!(status, 201, "{made}");
        let exec = made["Id"].as_str().expect("an identifier");
        let said = self.stream(&format!("/exec/{exec}/start"), r#"{"Detach": false}"#);
        let said = said.expect("the output of a command");
        let ended = crate::wait_for("the end of a command", LIMIT, || {
            let found = self.get(&format!("/exec/{exec}/json"));
            (found["Running"] == false).then_some(found)
        });
        assert_eq!(ended["ExitCode"], 0, "{argv:?}: {said}");
        said
    }

    /// Runs a container of this description to its end.
    ///
    /// # Panics
    /// When the engine refuses.
    pub fn run_container(&self, body: &Value, after: impl FnOnce(&str)) -> (i64, String) {
        let mut body = body.clone();
        // One stream, without the engine's framing.
        body["Tty"] = true.into();
        let (status, made) = self.request("POST", "/containers/create", Some(&body));
        assert_eq!(status, 201, "{made}");
        let id = made["Id"].as_str().expect("a container").to_owned();
        let started = self.request("POST", &format!("/containers/{id}/start"), None);
        assert_eq!(started.0, 204, "{}", started.1);
        let ended = self
            .request("POST", &format!("/containers/{id}/wait"), None)
            .1;
        let logs = format!("/containers/{id}/logs?stdout=1&stderr=1");
        let log = String::from_utf8_lossy(&self.exchange("GET", &logs, None).1).into_owned();
        after(&id);
        let _ = self.request("DELETE", &format!("/containers/{id}?force=true"), None);
        (ended["StatusCode"].as_i64().expect("a status"), log)
    }
}
