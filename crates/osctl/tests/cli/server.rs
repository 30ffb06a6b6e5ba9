//! A daemon that answers from a script.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tempfile::TempDir;

type Answers = BTreeMap<String, VecDeque<(u16, String)>>;

/// The scripted daemon; it ends with the process.
pub(crate) struct Server {
    root: TempDir,
    answers: Arc<Mutex<Answers>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let root = TempDir::new().unwrap();
        let run = root.path().join("run/osctl");
        std::fs::create_dir_all(&run).unwrap();
        let listener = UnixListener::bind(run.join("osctld.sock")).unwrap();
        let server = Self {
            root,
            answers: Arc::default(),
            requests: Arc::default(),
        };
        let (answers, requests) = (Arc::clone(&server.answers), Arc::clone(&server.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, requests) = (Arc::clone(&answers), Arc::clone(&requests));
                std::thread::spawn(move || serve(stream, &answers, &requests));
            }
        });
        server
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Answers `request` with `body`: `GET /v1/users`, with or without its query, or
    /// `POST /v1/commands/x {"name":"y"}` for a request with just this body. Of several answers
    /// each is given once, in order, and the last forever.
    pub(crate) fn answer(&self, request: &str, body: &impl Serialize) -> &Self {
        self.answer_raw(request, 200, &serde_json::to_string(body).unwrap())
    }

    pub(crate) fn answer_raw(&self, request: &str, status: u16, body: &str) -> &Self {
        let mut answers = self.answers.lock().unwrap();
        let queue = answers.entry(request.to_owned()).or_default();
        queue.push_back((status, body.to_owned()));
        drop(answers);
        self
    }

    pub(crate) fn refuse(&self, request: &str, failure: os_types::Failure) -> &Self {
        let problem = os_api::Problem::from(failure);
        self.answer_raw(
            request,
            problem.status,
            &serde_json::to_string(&problem).unwrap(),
        )
    }

    /// The requests so far: request line, command line, body.
    pub(crate) fn requests(&self) -> String {
        self.requests.lock().unwrap().join("\n")
    }

    pub(crate) fn osctl(&self, line: &str) -> super::Ran {
        super::osctl(self.root(), line)
    }
}

fn serve(stream: UnixStream, answers: &Mutex<Answers>, requests: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((asked, told)) = receive(&mut reader) {
        let (status, body) = pick(&mut answers.lock().unwrap(), &asked, &told);
        requests.lock().unwrap().push(told);
        let kind = if status < 400 {
            "application/json"
        } else {
            "application/problem+json"
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn receive(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let asked = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut told = asked.clone();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some((name @ "osctl-command-line", value)) => {
                write!(told, "\n  {name}: {value}").ok()?;
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if !body.is_empty() {
        write!(told, "\n  {}", String::from_utf8_lossy(&body)).ok()?;
    }
    Some((asked, told))
}

/// The answer to `asked`; the last line of `told` is its body, if it has one.
fn pick(answers: &mut Answers, asked: &str, told: &str) -> (u16, String) {
    let path = asked.split('?').next().unwrap_or(asked);
    let body = told.lines().next_back().unwrap_or_default();
    let with_body = format!("{path} {}", body.trim());
    let keys = [with_body.as_str(), asked, path];
    let key = keys.into_iter().find(|key| answers.contains_key(*key));
    match key.and_then(|key| answers.get_mut(key)) {
        Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
        Some(queue) => queue.front().unwrap().clone(),
        None => {
            let failure = os_types::Failure::new(os_types::Code::NotFound, format!("no {asked}"));
            let problem = os_api::Problem::from(failure);
            (404, serde_json::to_string(&problem).unwrap())
        }
    }
}
