//! A web server with some files, which notes what it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The server.
pub(super) struct Files {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Asked>>>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Files {
    /// Serves these, by path and query.
    pub(super) fn serve(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(target, content)| ((*target).to_owned(), content.to_vec())).collect();
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), &files, &seen);
            }
        });
        Self { url, requests }
    }

    /// What it was asked.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(mut stream: &TcpStream, files: &BTreeMap<String, Vec<u8>>, seen: &Mutex<Vec<Asked>>) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    // Some clients write a dot as what it need not be.
    let target = lines.next().unwrap().split(' ').nth(1).unwrap().replace("%2E", ".");
    let headers = lines.map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())).unwrap());
    let asked = Asked { target, headers: headers.collect() };
    let range = asked.headers.get("range").map(|range| range.trim_start_matches("bytes=").to_owned());
    let content = files.get(&asked.target).cloned();
    seen.lock().unwrap().push(asked);
    let Some(content) = content else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        return;
    };
    let (status, start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
        None => ("200 OK", 0, content.len()),
        Some((start, end)) => {
            let end = end.parse::<usize>().map_or(content.len(), |last| content.len().min(last + 1));
            ("206 Partial Content", start.parse().unwrap(), end)
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{}\r\netag: \"1\"\r\n\
         last-modified: Mon, 02 Nov 2026 10:00:00 GMT\r\nconnection: close\r\n\r\n",
        end - start,
        end - 1,
        content.len(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&content[start..end]).unwrap();
}
