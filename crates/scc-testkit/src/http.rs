//! As much of HTTP/1.1 as the model server and the engine client need.

use std::io::{self, BufRead};

/// The first line and the headers (names in lower case) of a message.
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads a head; `None` when the other side closed the connection instead.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut first_line = String::new();
    if reader.read_line(&mut first_line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((key, value)) = line.split_once(':') {
            headers.push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    Ok(Some(Head {
        first_line: first_line.trim().to_owned(),
        headers,
    }))
}

/// Reads the body that belongs to `head`.
pub(crate) fn read_body(head: &Head, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    if head
        .header("transfer-encoding")
        .is_some_and(|value| value.contains("chunked"))
    {
        return read_chunks(reader);
    }
    let length = head
        .header("content-length")
        .and_then(|value| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = size.trim().split(';').next().unwrap_or_default().to_owned();
        let size = usize::from_str_radix(&size, 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "bad chunk size"))?;
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk)?;
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(chunk);
    }
}
