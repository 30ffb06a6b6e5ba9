//! The daemon: typed requests over its Unix socket.

mod address;
mod connection;
pub(crate) mod events;
mod upgrade;

use std::path::PathBuf;
use std::time::Duration;

use os_api::endpoint::{CLI_HEADER, CommandQuery, Endpoint, Method};
use os_api::{Command, CommandPlan, Problem};
use os_types::{Code, Failure};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use address::Address;
use connection::{Answer, Connection};

/// How long the daemon may take to answer what it answers at once.
///
/// Reading never waits behind a change there, so this is for a host under heavy load.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the socket may take to accept.
const CONNECT: Duration = Duration::from_secs(5);

/// A client of one daemon; connects when first asked.
#[derive(Debug)]
pub(crate) struct Client {
    socket: PathBuf,
    command_line: String,
    connect_within: Duration,
    answer_within: Duration,
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

/// An answer to `POST /v1/commands/...`, not yet read.
#[derive(Debug)]
pub(crate) struct Posted(Answer);

impl Posted {
    /// Parses the response.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        read(&self.0)
    }
}

impl Client {
    /// A client of the daemon on `socket`; changes are put down to `command_line`.
    pub(crate) fn new(socket: PathBuf, command_line: String) -> Self {
        Self {
            socket,
            command_line,
            connect_within: CONNECT,
            answer_within: ANSWER,
            runtime: None,
            connection: None,
        }
    }

    /// What changes are put down to.
    pub(crate) fn command_line(&self) -> &str {
        &self.command_line
    }

    /// Another client of the same daemon, for what goes on beside this one.
    pub(crate) fn beside(&self) -> Self {
        Self::new(self.socket.clone(), self.command_line.clone())
    }

    /// The same, in a hurry.
    pub(crate) fn hurried(mut self, limit: Duration) -> Self {
        self.connect_within = limit;
        self.answer_within = limit;
        self
    }

    /// Reads an endpoint.
    ///
    /// # Errors
    /// The daemon's problem, or that it cannot be reached or understood.
    pub(crate) fn ask<E: Endpoint>(
        &mut self,
        path: &E::Path,
        query: &E::Query,
    ) -> Result<E::Answer, Failure> {
        self.ask_for::<E>(path, query, Duration::ZERO)
    }

    /// As [`Client::ask`], of an endpoint that may wait for `extra` before it answers.
    pub(crate) fn ask_for<E: Endpoint>(
        &mut self,
        path: &E::Path,
        query: &E::Query,
        extra: Duration,
    ) -> Result<E::Answer, Failure> {
        self.run(async |client| client.ask_async::<E>(path, query, extra).await)?
    }

    /// As [`Client::ask_for`], inside [`Client::run`].
    pub(crate) async fn ask_async<E: Endpoint>(
        &mut self,
        path: &E::Path,
        query: &E::Query,
        extra: Duration,
    ) -> Result<E::Answer, Failure> {
        let address = Address::of::<E>(path, query)?;
        let answer = self.send(E::METHOD, &address, Vec::new(), extra).await?;
        read(&answer)
    }

    /// Sends a command, inside [`Client::run`].
    pub(crate) async fn post(
        &mut self,
        command: &Command,
        query: &CommandQuery,
    ) -> Result<Posted, Failure> {
        let body = encode(command)?;
        let address = Address::of_command(command.name(), query)?;
        let extra = Duration::from_millis(query.wait_ms.unwrap_or(0).into());
        let answer = self.send(Method::Post, &address, body, extra).await;
        answer.map(Posted).map_err(|failure| match failure.code {
            // The daemon ended, and there is no id yet to ask the next one about.
            Code::Protocol => {
                let text = format!("{failure}; the history says whether the command has begun");
                Failure::new(Code::Protocol, text).next("osctl history")
            }
            _ => failure,
        })
    }

    /// What a command would do.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(crate) fn plan(&mut self, command: &Command) -> Result<CommandPlan, Failure> {
        let body = encode(command)?;
        let address = Address::of_plan(command.name())?;
        let answer = self.run(async |client| {
            client
                .send(Method::Post, &address, body, Duration::ZERO)
                .await
        })??;
        read(&answer)
    }

    /// Runs something that waits for the daemon, and maybe for a signal too.
    pub(crate) fn run<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> Result<T, Failure> {
        // A current-thread runtime costs some microseconds; it is out of `self` while it runs,
        // so that the work can borrow the client.
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| {
                    Failure::new(Code::Internal, format!("cannot wait for anything: {error}"))
                })?,
        };
        let result = runtime.block_on(work(self));
        self.runtime = Some(runtime);
        Ok(result)
    }

    async fn send(
        &mut self,
        method: Method,
        address: &Address,
        body: Vec<u8>,
        extra: Duration,
    ) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.is_open() => connection,
            _ => Connection::open(&self.socket, self.connect_within).await?,
        };
        let cli = [(CLI_HEADER, self.command_line.as_str())];
        let headers: &[_] = if method == Method::Post { &cli } else { &[] };
        let limit = self.answer_within + extra;
        let answer = connection
            .exchange(method, address, headers, body, limit)
            .await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

fn encode(command: &Command) -> Result<Vec<u8>, Failure> {
    // The only thing that JSON cannot carry is a path that is not UTF-8.
    let refuse = |error| Failure::new(Code::Name, format!("the command cannot be sent: {error}"));
    command.encode().map_err(refuse)
}

/// Parses the body of a response, or the problem document in it.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    if (200..300).contains(&answer.status) {
        return serde_json::from_slice(&answer.body).map_err(|error| protocol(answer, &error));
    }
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) => Err(problem.into()),
        Err(error) => Err(protocol(answer, &error)),
    }
}

fn protocol(answer: &Answer, error: &serde_json::Error) -> Failure {
    let message = format!(
        "the answer to {} (status {}) cannot be understood: {error}",
        answer.request, answer.status
    );
    Failure::new(Code::Protocol, message).next("osctl ping")
}
