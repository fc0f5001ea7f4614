//! What the guard does with a policy that is not as scc makes it: nothing runs.

use scc_testkit::context::TestContext;
use scc_testkit::engine::Engine;
use serde_json::{Value, json};

use crate::support::{context, scc};

const GOOD: &str = r#"{"schema":1,"action":"allow"}"#;

/// A sandbox's image, and a volume for the policy.
struct Lab {
    context: TestContext,
    image: String,
    volume: String,
}

impl Lab {
    fn new() -> Self {
        let context = context();
        let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
        let image = plan["data"]["image"]["reference"].as_str().unwrap();
        let volume = format!("{}-policy", context.namespace());
        let labels = json!({ "dev.scc.namespace": context.namespace() });
        let made = json!({ "Name": volume, "Labels": labels });
        assert_eq!(
            context
                .engine()
                .request("POST", "/volumes/create", Some(&made))
                .0,
            201
        );
        Self {
            image: image.to_owned(),
            volume,
            context,
        }
    }

    fn engine(&self) -> &Engine {
        self.context.engine()
    }

    /// Prepares the volume as root, then runs git as an agent with the volume mounted like this.
    fn git(&self, prepare: &str, user: &str, mount: &str) -> (i64, String) {
        let clean = format!("rm -rf /p/*; {prepare}");
        let bind = format!("{}:/p", self.volume);
        let (status, said) = self
            .engine()
            .run_as_root(&self.image, &clean, &[&bind], |_| ());
        assert_eq!(status, 0, "{said}");
        let mut host = json!({ "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"] });
        if !mount.is_empty() {
            host["Binds"] = json!([format!("{}:{mount}", self.volume)]);
        }
        let body = json!({
            "Image": self.image,
            "Entrypoint": ["/usr/bin/git", "--version"],
            "Cmd": [],
            "User": user,
            "HostConfig": host,
        });
        self.engine().run_container(&body, |_| ())
    }
}

#[test]
fn without_a_sound_policy_nothing_runs() {
    let lab = Lab::new();
    let write = format!("echo '{GOOD}' > /p/safety.json");
    let sealed = "/etc/scc:ro";
    let (status, said) = lab.git(&write, "1000:1000", sealed);
    assert_eq!(status, 0, "{said}");
    for (prepare, user, mount, why) in [
        ("true", "1000:1000", sealed, "cannot be read"),
        ("true", "1000:1000", "", "cannot be read"),
        ("mkdir /p/safety.json", "1000:1000", sealed, "no file"),
        ("mkfifo /p/safety.json", "1000:1000", sealed, "no file"),
        (
            "ln -s /etc/hostname /p/safety.json",
            "1000:1000",
            sealed,
            "cannot be read",
        ),
        ("touch /p/safety.json", "1000:1000", sealed, "not valid"),
        (
            "echo '{\"schema\":1' > /p/safety.json",
            "1000:1000",
            sealed,
            "not valid",
        ),
        (
            "echo '{\"schema\":2,\"action\":\"allow\"}' > /p/safety.json",
            "1000:1000",
            sealed,
            "schema 2",
        ),
        (
            "echo '{\"schema\":1,\"action\":\"off\"}' > /p/safety.json",
            "1000:1000",
            sealed,
            "not valid",
        ),
        (
            "WRITE; chmod 600 /p/safety.json",
            "1000:1000",
            sealed,
            "cannot be read",
        ),
        (
            "WRITE; chmod 666 /p/safety.json",
            "1000:1000",
            sealed,
            "lets others write",
        ),
        (
            "WRITE; chmod 777 /p",
            "1000:1000",
            sealed,
            "lets others write",
        ),
        (
            "WRITE; chown 1000 /p/safety.json",
            "1000:1000",
            sealed,
            "not belong to root",
        ),
        (
            "WRITE; chown 1000 /p",
            "1000:1000",
            sealed,
            "not belong to root",
        ),
        ("WRITE", "1000:1000", "/etc/scc", "not read-only"),
        ("WRITE", "0:0", "/etc/scc", "not read-only"),
        (
            "WRITE; head -c 100000 /dev/zero >> /p/safety.json",
            "1000:1000",
            sealed,
            "too large",
        ),
    ] {
        let prepare = format!(
            "chmod 755 /p; chown 0 /p; {}",
            prepare.replace("WRITE", &write)
        );
        let (status, said) = lab.git(&prepare, user, mount);
        assert_eq!(status, 126, "{prepare}: {said}");
        assert!(
            said.contains("policy.unusable") && said.contains(why),
            "{prepare}: {said}"
        );
        assert!(!said.contains("git version"), "{prepare}: {said}");
    }
}

/// Everything that the guard is made of belongs to root, and an agent that is root meets a read-only
/// file system.
#[test]
fn the_guard_cannot_be_replaced() {
    let context = context();
    let script = "for f in /usr/bin/git /usr/bin/curl /usr/bin/rsync $(git --exec-path)/git \
                  $(git --exec-path)/git-push /usr/local/lib/scc/guard /usr/local/lib/scc/r/0 \
                  /usr/local/lib/scc/r /usr/bin /etc/scc /etc; do \
                  [ -w $f ] && echo writable $f; done; \
                  ls /usr/local/lib/scc/r; rm -f /usr/bin/git; git push --force";
    let run = scc(&context, &["start", "--fresh", "--", "bash", "-c", script]);
    assert_eq!((run.status, run.stdout.as_str()), (126, ""), "{run:?}");
    assert!(run.stderr.contains("git.push.force"), "{run:?}");

    let dir = context.path("of-root");
    std::fs::create_dir_all(&dir).unwrap();
    context.configure(&json!({
        "providers": { "script": { "api_key": "command:echo k" } },
        "allow_root_agent": true,
    }));
    let script = "rm -f /usr/bin/git; cp /usr/local/lib/scc/r/0 /usr/bin/git; \
                  echo '{\"schema\":1,\"action\":\"allow\"}' > /etc/scc/safety.json; \
                  mount -o remount,rw /etc/scc; git push --force";
    let dir = dir.to_str().unwrap();
    let args = [
        "start",
        dir,
        "--provider",
        "script",
        "--",
        "bash",
        "-c",
        script,
    ];
    let run = scc(&context, &args);
    assert_eq!(run.status, 126, "{run:?}");
    assert!(run.stderr.contains("git.push.force"), "{run:?}");
}

/// What doctor says of the guard.
fn guard_checks(context: &TestContext) -> (i32, Vec<Value>) {
    let run = scc(context, &["doctor", "--provider", "script", "--json"]);
    let data = run.json()["data"].clone();
    let checks = data.as_array().unwrap().iter();
    let guards = checks.filter(|check| check["name"] == "guard");
    (run.status, guards.cloned().collect())
}

/// Doctor tries the guard in the image itself, and leaves nothing behind. The base has a name of this
/// test's own, and so has what is made of it: nobody else meets the damaged images.
#[test]
fn doctor_finds_a_guard_that_does_not_work() {
    let context = TestContext::with_engine();
    let engine = context.engine();
    let base = format!("{}-base", context.namespace());
    let tag = format!("/images/{}/tag?repo={base}&tag=1", engine.base_image());
    assert_eq!(engine.request("POST", &tag, None).0, 201);
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
        "images": { "base": format!("{base}:1") },
    }));
    assert!(guard_checks(&context).1.is_empty());
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
    scc(&context, &["prune"]).ok();
    let (status, checks) = guard_checks(&context);
    assert_eq!((status, checks.len()), (0, 1), "{checks:?}");
    assert_eq!(checks[0]["ok"], true, "{checks:?}");
    let mut left = engine.containers(context.namespace());
    // That a sealed volume is complete is remembered.
    left.retain(|container| container["Labels"]["dev.scc.role"] != "sealed");
    assert!(left.is_empty(), "{left:?}");

    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let image = plan["data"]["image"]["reference"].as_str().unwrap();
    let id = engine.get(&format!("/images/{image}/json"))["Id"].clone();
    let (name, tag) = image.split_once(':').unwrap();
    for (damage, why) in [
        (
            "rm /usr/bin/git; cp /usr/local/lib/scc/r/0 /usr/bin/git",
            "does not refuse `git push --force`",
        ),
        ("rm /usr/bin/git", "does not let `git --version` run"),
        ("chown 1 /var/lib/scc", "does not record it"),
    ] {
        engine.run_as_root(id.as_str().unwrap(), damage, &[], |id| {
            let commit = format!("/commit?container={id}&repo={name}&tag={tag}");
            assert_eq!(engine.request("POST", &commit, Some(&json!({}))).0, 201);
        });
        let (status, checks) = guard_checks(&context);
        assert_eq!(status, 5, "{checks:?}");
        let detail = checks[0]["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{detail}");
    }
    for made in [image, &format!("{base}:1")] {
        let _ = engine.request("DELETE", &format!("/images/{made}?force=true"), None);
    }
}
