//! An MCP server for agents to call, by streamable HTTP at `/mcp` and by server-sent events at
//! `/sse`, and one as a script for a sandbox. Both have one tool, `hello`.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::{Head, read_body, read_head};
use crate::model::Request;

/// A script that is a server by its standard input and output. Its tool says its arguments, and the
/// value of the variable `TOKEN`.
pub const STDIO: &str = r#"#!/bin/bash
while IFS= read -r line; do
  id=
  [[ $line =~ \"id\":([0-9]+|\"[^\"]*\") ]] && id=${BASH_REMATCH[1]}
  case $line in
    *'"method":"initialize"'*)
      [[ $line =~ \"protocolVersion\":\"([^\"]*)\" ]]
      result='{"protocolVersion":"'${BASH_REMATCH[1]}'","capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}' ;;
    *'"method":"tools/list"'*)
      result='{"tools":[{"name":"hello","description":"says hello","inputSchema":{"type":"object","properties":{}}}]}' ;;
    *'"method":"tools/call"'*)
      result='{"content":[{"type":"text","text":"stdio says '"$* ${TOKEN:-nothing} $(env | grep -c '^SCC_MCP')"'"}]}' ;;
    *) result='{}' ;;
  esac
  [ -n "$id" ] && echo '{"jsonrpc":"2.0","id":'"$id"',"result":'"$result"'}'
done
"#;

/// A server on a port of its own. It ends with the process.
#[derive(Debug)]
pub struct McpServer {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// The streams of clients that listen, by session.
type Streams = Arc<Mutex<HashMap<String, Sender<Value>>>>;

impl McpServer {
    /// Listens on a free port of `address`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let server = Self {
            address: listener.local_addr()?.to_string(),
            requests: Arc::default(),
        };
        let (requests, streams) = (Arc::clone(&server.requests), Streams::default());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, streams) = (Arc::clone(&requests), Arc::clone(&streams));
                // A connection that breaks is the agent's business.
                std::thread::spawn(move || serve(stream, &requests, &streams));
            }
        });
        Ok(server)
    }

    /// Where it listens, with a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Request>>, streams: &Streams) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let body = read_body(&head, &mut reader)?;
        let request = request(head, &body);
        log.lock().unwrap().push(request.clone());
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match (request.method.as_str(), path) {
            ("GET", "/sse") => return listen(&mut writer, streams),
            ("POST", "/sse-post") => {
                let session = streams.lock().unwrap().get(query).cloned();
                if let (Some(session), Some(answer)) = (session, answer(&request.body)) {
                    let _ = session.send(answer);
                }
                reply(&mut writer, "202 Accepted", "")?;
            }
            ("POST", "/mcp") => match answer(&request.body) {
                Some(answer) => reply(&mut writer, "200 OK", &answer.to_string())?,
                None => reply(&mut writer, "202 Accepted", "")?,
            },
            ("GET", "/mcp") => reply(&mut writer, "405 Method Not Allowed", "")?,
            _ => reply(&mut writer, "404 Not Found", "")?,
        }
    }
    Ok(())
}

fn request(head: Head, body: &[u8]) -> Request {
    let mut words = head.first_line.split(' ').map(str::to_owned);
    Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: head.headers,
        body: serde_json::from_slice(body).unwrap_or_default(),
    }
}

fn reply(writer: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        writer,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Sends a client the answers to what it posts, until it goes.
fn listen(writer: &mut TcpStream, streams: &Streams) -> io::Result<()> {
    let (send, receive) = channel();
    let session = {
        let mut streams = streams.lock().unwrap();
        let session = streams.len().to_string();
        streams.insert(session.clone(), send);
        session
    };
    write!(
        writer,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         event: endpoint\ndata: /sse-post?{session}\n\n"
    )?;
    while let Ok(answer) = receive.recv() {
        write!(writer, "event: message\ndata: {answer}\n\n")?;
    }
    Ok(())
}

/// The answer to a message, for a server of another kind; notifications have none.
#[must_use]
pub fn answer(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "t", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [{
            "name": "hello", "description": "says hello",
            "inputSchema": { "type": "object", "properties": {} },
        }] }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": "hello from the web" }] }),
        _ => json!({}),
    };
    Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}
