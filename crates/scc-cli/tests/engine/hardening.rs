//! What the sandbox is, as the engine and as the agent see it.

use serde_json::{Value, json};

use crate::support::{Session, agent, context, scc};

#[test]
fn the_engine_confirms_every_line_of_the_hardening() {
    let context = context();
    let _session = Session::start(&context, &[]);
    let engine = context.engine();
    let id = engine.sessions(context.namespace())[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let container = engine.get(&format!("/containers/{id}/json"));
    let host = &container["HostConfig"];
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert!(host["CapAdd"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["PidsLimit"], 4096);
    assert_eq!(host["Memory"], 8_u64 << 30);
    assert_eq!(host["MemorySwap"], 8_u64 << 30);
    assert_eq!(host["CpuQuota"], 400_000);
    assert!(host["Devices"].as_array().is_none_or(Vec::is_empty));
    assert!(!["host", "container"].contains(&host["PidMode"].as_str().unwrap()));
    assert_ne!(host["IpcMode"], "host");
    assert_ne!(host["NetworkMode"], "host");
    let options = host["SecurityOpt"].as_array().unwrap();
    let has = |start: &str| {
        options
            .iter()
            .any(|o| o.as_str().unwrap().starts_with(start))
    };
    assert!(has("no-new-privileges") && has("seccomp={"), "{options:?}");
    assert_ne!(
        container["Config"]["User"]
            .as_str()
            .unwrap()
            .split(':')
            .next(),
        Some("0")
    );
}

#[test]
fn the_engine_mounts_what_the_plan_names_and_nothing_else() {
    let context = context();
    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let mut planned: Vec<_> = plan["data"]["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| (mount["target"].clone(), mount["read_only"] == false))
        .collect();
    let _session = Session::start(&context, &[]);
    let engine = context.engine();
    let id = engine.sessions(context.namespace())[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let container = engine.get(&format!("/containers/{id}/json"));
    let mut mounted: Vec<_> = container["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| (mount["Destination"].clone(), mount["RW"] == true))
        .collect();
    let by_path = |a: &(Value, bool), b: &(Value, bool)| a.0.as_str().cmp(&b.0.as_str());
    planned.sort_by(by_path);
    mounted.sort_by(by_path);
    assert_eq!(mounted, planned);
}

#[test]
fn the_agent_has_no_privileges() {
    let context = context();
    let status = agent(&context, "cat /proc/self/status; id -u; id -un");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(
            status.contains(&format!("{set}:\t0000000000000000")),
            "{set}: {status}"
        );
    }
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"),
        "{status}"
    );
    assert!(
        status.ends_with("agent\n") && !status.contains("\n0\n"),
        "{status}"
    );
}

/// As the kernel lists it from inside: besides what every container has, only what was planned.
#[test]
fn the_kernel_mounts_what_the_plan_names_and_nothing_else() {
    let context = context();
    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let planned = plan["data"]["mounts"].as_array().unwrap().iter();
    let mut expected: Vec<_> = planned
        .map(|mount| mount["target"].as_str().unwrap().to_owned())
        .chain(
            [
                "/",
                "/etc/hostname",
                "/etc/hosts",
                "/etc/resolv.conf",
                "/tmp",
            ]
            .map(str::to_owned),
        )
        .collect();
    expected.sort();
    let seen = agent(&context, "cut -d' ' -f5,6 /proc/self/mountinfo | sort -u");
    let own = |target: &str| {
        ["/proc", "/sys", "/dev"]
            .iter()
            .any(|dir| target.starts_with(dir))
    };
    let mut found = Vec::new();
    for line in seen.lines() {
        let (target, _) = line.split_once(' ').unwrap();
        // Where the engine puts its init depends on the image.
        if !own(target) && !target.ends_with("-init") {
            found.push(target.to_owned());
        }
    }
    assert_eq!(found, expected, "{seen}");
    let writable = agent(&context, "find /sys -writable ! -type l 2>/dev/null | head");
    assert_eq!(writable, "");
}

#[test]
fn the_temporary_directory_is_its_own() {
    let context = context();
    let host = context.path("private");
    std::fs::write(&host, "x").unwrap();
    let seen = agent(
        &context,
        "touch /tmp/inside; ls /tmp /tmp/*; mount | grep ' on /tmp '",
    );
    assert!(
        seen.contains("inside") && seen.contains("tmpfs on /tmp"),
        "{seen}"
    );
    assert!(!seen.contains("private"), "{seen}");
    assert!(!std::path::Path::new("/tmp/inside").exists());
}

#[test]
fn nothing_else_of_the_host_is_visible() {
    let context = context();
    let home = context.path("home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    std::fs::write(home.join(".ssh/id"), "private").unwrap();
    let script = format!(
        "ls -d {home}/.ssh ~/.ssh ~/.aws /var/run/docker.sock /run/docker.sock {socket} 2>/dev/null; \
         ls {parent}; env",
        home = home.display(),
        socket = context.engine().host().trim_start_matches("unix://"),
        parent = context.path("").display(),
    );
    let seen = agent(&context, &script);
    let first = seen.lines().next();
    assert_eq!(first, Some("ws"), "something else is visible: {seen}");
    for name in ["DOCKER_HOST", "SCC_NAMESPACE", "XDG_CONFIG_HOME"] {
        assert!(!seen.contains(name), "{name} is carried in");
    }
}

#[test]
fn policy_cannot_be_changed_from_inside() {
    let context = context();
    let script = "cd /etc/script-agent && cat policy.txt && stat -c '%u:%g %a' policy.txt; \
         echo x > policy.txt; echo x > new; rm policy.txt; mv policy.txt p; chmod 666 policy.txt; \
         mount -o remount,rw /etc/script-agent; mv /etc/script-agent /etc/x; cat policy.txt";
    let seen = agent(&context, &format!("{script} 2>/dev/null"));
    assert_eq!(seen, "sealed\n0:0 644\nsealed\n");
}

#[test]
fn a_fork_bomb_meets_the_limit() {
    let context = context();
    context.configure(&json!({
        "providers": { "script": { "api_key": "command:echo k" } },
        "resources": { "pids": 64, "memory": "256m" },
    }));
    let run = scc(
        &context,
        &[
            "start",
            "--provider",
            "script",
            "--",
            "bash",
            "-c",
            // What cannot be forked ends the shell that tries; another one counts.
            "bash -c 'for i in $(seq 200); do sleep 20 & done' 2>/dev/null; n=0; \
             for p in /proc/[0-9]*; do read -r c <$p/comm; [ \"$c\" = sleep ] && n=$((n+1)); done; echo $n",
        ],
    );
    let running: u32 = run.stdout.trim().parse().unwrap();
    assert!(running > 10 && running < 64, "{run:?}");
}

#[test]
fn an_agent_is_root_only_for_root_and_then_behind_a_read_only_root() {
    let context = context();
    let dir = context.path("of-root");
    std::fs::create_dir_all(&dir).unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&dir).unwrap()) == 0;
    context.configure(&json!({
        "providers": { "script": { "api_key": "command:echo k" } },
        "allow_root_agent": true,
    }));
    let script = "id -u; touch /usr/x /etc/x 2>/dev/null || echo read-only; touch ~/x /tmp/x here";
    let args = [
        "start",
        dir.to_str().unwrap(),
        "--provider",
        "script",
        "--",
        "bash",
        "-c",
        script,
    ];
    let seen = scc(&context, &args).ok().stdout;
    if is_root {
        assert_eq!(seen, "0\nread-only\n");
    } else {
        // The setting is no way for an ordinary user to become root.
        assert!(
            !seen.starts_with("0\n") && seen.ends_with("read-only\n"),
            "{seen}"
        );
    }
    assert!(dir.join("here").exists());
}
