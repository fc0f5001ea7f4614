//! A sandbox with enforced egress, in front of a stand-in for the internet.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use scc_testkit::authority::Authority;
use scc_testkit::context::{Run, TestContext};
use scc_testkit::https::{HttpsServer, Reply, Request};
use scc_testkit::internet::{Internet, Port};
use serde_json::{Value, json};

use crate::support::{Session, command, context, scc};

pub(crate) const TOPOLOGIES: [&str; 2] = ["socket", "internal-network"];

/// The test, its internet, and how proxy and sandbox are joined.
pub(crate) struct World {
    pub(crate) context: TestContext,
    pub(crate) internet: Internet,
    pub(crate) topology: &'static str,
    pub(crate) server: HttpsServer,
}

/// What an internet is made from.
pub(crate) struct Plan<'a> {
    pub(crate) topology: &'static str,
    /// What stands below `network` in the organization's `defaults`.
    pub(crate) network: &'a str,
    /// What stands in the organization's `security` besides the safety net, with a comma before it.
    pub(crate) security: &'a str,
    /// Further lines of the organization's document.
    pub(crate) more: &'a str,
    /// Names and their addresses; `@` stands for the address of every host.
    pub(crate) zone: &'a [&'a str],
    /// The names of the server with TLS.
    pub(crate) names: &'a [&'a str],
    /// Further settings of the user.
    pub(crate) settings: Value,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            topology: "socket",
            network: "{allowed_hosts: [allowed.test]}",
            security: "",
            more: "",
            zone: &["allowed.test=@"],
            names: &["allowed.test"],
            settings: json!({}),
        }
    }
}

/// What the usual server says.
pub(crate) fn usual(request: &Request) -> Reply {
    Reply::ok(format!("the internet says {}\n", request.path()))
}

impl World {
    pub(crate) fn new(plan: &Plan<'_>) -> Self {
        Self::serving(plan, usual)
    }

    pub(crate) fn serving(
        plan: &Plan<'_>,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        // Its image has everything that the hosts of an internet need.
        let context = context();
        let image = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
        let image = image["data"]["image"]["reference"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut internet = Internet::new(context.engine(), context.namespace());
        let machine = internet.machine();
        let authority = Authority::shared();
        let server = HttpsServer::start_as(machine, plan.names, &authority, handler).unwrap();
        let zone: Vec<_> = plan
            .zone
            .iter()
            .map(|entry| entry.replace('@', internet.hosts()))
            .collect();
        let ports = [(443, server.port()), (80, plain_server(machine))];
        let ports = ports.map(|(outside, inside)| Port { outside, inside });
        internet.start(&image, &zone, &ports);
        let world = Self {
            context,
            internet,
            topology: plan.topology,
            server,
        };
        world.configure(plan, &json!({}));
        world
    }

    /// Writes the rules and the user's settings, with these in addition.
    pub(crate) fn configure(&self, plan: &Plan<'_>, more: &Value) {
        let org = self.context.path("org.yaml");
        let text = format!(
            "schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n\
             security: {{safety_net: {{allowed_network_tools: [curl]}}{}}}\n\
             defaults:\n  network_policy: web-egress-enforced\n  network: {}\n{}",
            plan.security, plan.network, plan.more
        );
        std::fs::write(&org, text).unwrap();
        let mut settings = json!({
            "standalone": false,
            "organization": { "source": org },
            "provider": "script",
            "providers": { "script": { "api_key": "command:echo k" } },
        });
        let further = [&plan.settings, more].map(Value::as_object);
        for (key, value) in further.into_iter().flatten().flatten() {
            settings[key] = value.clone();
        }
        self.context.configure(&settings);
    }

    /// What lets proxies out into this internet.
    pub(crate) fn environment(&self) -> [(&str, &str); 3] {
        [
            ("SCC_EGRESS_TOPOLOGY", self.topology),
            ("SCC_EGRESS_NETWORK", self.internet.network()),
            ("SCC_EGRESS_DNS", self.internet.hosts()),
        ]
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.context, args);
        command.envs(self.environment());
        command
    }

    pub(crate) fn scc(&self, args: &[&str]) -> Run {
        Run::of(&self.command(args).output().unwrap())
    }

    /// Runs a script as the agent and returns what it printed.
    pub(crate) fn agent(&self, script: &str) -> String {
        let args = ["start", "--fresh", "--", "bash", "-c", script];
        self.scc(&args).ok().stdout
    }

    /// A running session whose agent waits.
    pub(crate) fn session(&self) -> Session {
        let args = ["start", "--non-interactive", "--", "sleep", "1000"];
        Session::of(&self.context, self.command(&args))
    }

    /// What each proxy that is there has written.
    fn logs(&self) -> Vec<String> {
        let engine = self.context.engine();
        let proxies = engine.proxies(self.context.namespace());
        let ids = proxies.iter().filter_map(|proxy| proxy["Id"].as_str());
        ids.map(|id| engine.log(id)).collect()
    }

    /// What the proxies have written that are there, what the others were asked for, and why launches
    /// failed.
    pub(crate) fn account(&self) -> String {
        let mut account = String::new();
        for log in self.logs() {
            account += &format!("--- a proxy that is there:\n{log}");
        }
        let earlier = self.scc(&["audit", "egress", "-n", "500"]).stdout;
        account += &format!("--- earlier proxies were asked for:\n{earlier}");
        let events = self.scc(&["audit", "-n", "50"]).stdout;
        account + &format!("--- the last events:\n{events}")
    }

    /// What the proxies have written, of which the lines in JSON.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let texts = self.logs();
        let lines = texts.iter().flat_map(|text| text.lines());
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// Whoever looks into a test that has failed finds what its proxies have said.
impl Drop for World {
    #[expect(clippy::print_stderr, reason = "for whoever reads why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            // An engine that does not answer must not take the test's own words away.
            let account = std::thread::scope(|scope| scope.spawn(|| self.account()).join());
            eprintln!("{}", account.unwrap_or_default());
        }
    }
}

/// A server without TLS, of this process.
fn plain_server(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 18\r\n\r\nthe internet says\n",
            );
        }
    });
    port
}
