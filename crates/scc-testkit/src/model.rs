//! A model server with a script, for agents that speak either vendor's streaming API.
//!
//! Which step is due follows from the request: the number of tool results that it carries. So an
//! agent that asks again gets the same answer again.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::{read_body, read_head};

/// A prompt to which the model says "done", whatever its script: for an agent that is started
/// beside another one.
pub const QUICK: &str = "just say done at once";

/// What the model does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Calls the agent's shell tool with this command.
    Shell(String),
    /// Calls a tool of an MCP server, without arguments.
    Mcp {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
    },
    /// Says this and ends the turn.
    Say(String),
}

/// A request that an agent sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, `null` when it is no JSON.
    pub body: Value,
}

/// A model server. It ends with the process.
#[derive(Debug)]
pub struct ModelServer {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ModelServer {
    /// Listens on a free port of `address`. After the last step the model says "done".
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start(address: &str, script: Vec<Step>) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let server = Self {
            address: listener.local_addr()?.to_string(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, requests) = (script.clone(), Arc::clone(&requests));
                // A connection that breaks is the agent's business.
                std::thread::spawn(move || serve(stream, &script, &requests));
            }
        });
        Ok(server)
    }

    /// Where it listens, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, script: &[Step], log: &Mutex<Vec<Request>>) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let body = read_body(&head, &mut reader)?;
        let mut words = head.first_line.split(' ').map(str::to_owned);
        let request = Request {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        log.lock().unwrap().push(request.clone());
        let Some(stream) = answer(&request, script) else {
            writer.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?;
            continue;
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ";
        write!(writer, "{head}{}\r\n\r\n{stream}", stream.len())?;
    }
    Ok(())
}

/// What the model says to a request, as a stream of events; `None` where it is not asked for a step.
#[must_use]
pub fn answer(request: &Request, script: &[Step]) -> Option<String> {
    let path = request.path.split('?').next().unwrap_or_default();
    let events = match (request.method.as_str(), path) {
        ("POST", path) if path.ends_with("/messages") => messages(&request.body, script),
        ("POST", path) if path.ends_with("/responses") => responses(&request.body, script),
        _ => return None,
    };
    let mut stream = String::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        stream.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    Some(stream)
}

fn step(body: &Value, script: &[Step], number: usize) -> Step {
    if body.to_string().contains(QUICK) {
        return Step::Say("done".to_owned());
    }
    script
        .get(number)
        .cloned()
        .unwrap_or(Step::Say("done".to_owned()))
}

fn count(items: &Value, kind: &str) -> usize {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter(|item| item["type"] == kind).count()
}

/// The stream of one step, as the messages API sends it.
fn messages(body: &Value, script: &[Step]) -> Vec<Value> {
    let turns = body["messages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let number = turns
        .iter()
        .map(|turn| count(&turn["content"], "tool_result"))
        .sum();
    let (block, delta, reason) = match step(body, script, number) {
        Step::Shell(command) => {
            let input = json!({ "command": command, "description": "scripted" });
            tool_use(number, "Bash", &input)
        }
        Step::Mcp { server, tool } => {
            tool_use(number, &format!("mcp__{server}__{tool}"), &json!({}))
        }
        Step::Say(text) => (
            json!({ "type": "text", "text": "" }),
            json!({ "type": "text_delta", "text": text }),
            "end_turn",
        ),
    };
    let message = json!({
        "id": format!("msg_{number}"), "type": "message", "role": "assistant",
        "model": body["model"], "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 10, "output_tokens": 1 },
    });
    vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta",
            "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": 5 },
        }),
        json!({ "type": "message_stop" }),
    ]
}

/// The block of a tool's call, its content, and why the message ends with it.
fn tool_use(number: usize, name: &str, input: &Value) -> (Value, Value, &'static str) {
    let id = format!("toolu_{number}");
    (
        json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
        json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
        "tool_use",
    )
}

/// The stream of one step, as the responses API sends it.
fn responses(body: &Value, script: &[Step]) -> Vec<Value> {
    let number = count(&body["input"], "function_call_output");
    let item = match step(body, script, number) {
        Step::Shell(command) => json!({
            "type": "function_call", "id": format!("fc_{number}"),
            "call_id": format!("call_{number}"), "name": "exec_command",
            "arguments": json!({ "cmd": command }).to_string(),
        }),
        Step::Mcp { server, tool } => json!({
            "type": "function_call", "id": format!("fc_{number}"),
            "call_id": format!("call_{number}"), "name": tool,
            "namespace": format!("mcp__{server}"), "arguments": "{}",
        }),
        Step::Say(text) => json!({
            "type": "message", "id": format!("msg_{number}"), "role": "assistant",
            "content": [{ "type": "output_text", "text": text }],
        }),
    };
    let id = format!("resp_{number}");
    let usage = json!({
        "input_tokens": 10, "input_tokens_details": null, "output_tokens": 5,
        "output_tokens_details": null, "total_tokens": 15,
    });
    vec![
        json!({ "type": "response.created", "response": { "id": id } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": id, "usage": usage } }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &ModelServer, path: &str, body: &Value) -> String {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader).unwrap().unwrap();
        String::from_utf8(read_body(&head, &mut reader).unwrap()).unwrap()
    }

    #[test]
    fn the_step_follows_from_the_tool_results() {
        let script = vec![Step::Shell("ls".to_owned()), Step::Say("bye".to_owned())];
        let server = ModelServer::start("127.0.0.1", script).unwrap();
        let first = ask(
            &server,
            "/v1/messages?beta=true",
            &json!({ "messages": [] }),
        );
        assert!(
            first.contains("tool_use") && first.contains("ls"),
            "{first}"
        );
        let result = json!({ "role": "user", "content": [{ "type": "tool_result" }] });
        let second = ask(&server, "/v1/messages", &json!({ "messages": [result] }));
        assert!(
            second.contains("bye") && second.contains("end_turn"),
            "{second}"
        );
        let first = ask(&server, "/v1/responses", &json!({ "input": [] }));
        assert!(first.contains("exec_command"), "{first}");
        let results =
            json!([{ "type": "function_call_output" }, { "type": "function_call_output" }]);
        let third = ask(&server, "/v1/responses", &json!({ "input": results }));
        assert!(third.contains("done"), "{third}");
        assert_eq!(server.requests().len(), 4);
        assert_eq!(server.requests()[0].path, "/v1/messages?beta=true");
    }
}
