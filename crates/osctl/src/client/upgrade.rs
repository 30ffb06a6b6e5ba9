//! `POST /v1/exec`: a request after which the connection is no longer HTTP (ADR-9).

use std::os::unix::net::UnixStream;

use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use os_api::Problem;
use os_api::endpoint::{BODY_LIMIT, Method, Nothing};
use os_api::exec::{EXEC_PATH, EXEC_PROTOCOL, ExecRequest};
use os_types::{Code, Failure};
use tokio::time::timeout;

use super::Client;
use super::address::Address;
use super::connection::Connection;

impl Client {
    /// Asks for a command in a container; the answer is the socket that it is talked about on.
    ///
    /// *Blocking*: as any answer; the socket itself is in blocking mode.
    pub(crate) fn exec(&mut self, request: &ExecRequest) -> Result<UnixStream, Failure> {
        let body = serde_json::to_vec(request)
            .map_err(|error| Failure::new(Code::Name, error.to_string()))?;
        let address = Address::plain(EXEC_PATH, &Nothing {})?;
        self.run(async |client| client.upgrade(&address, body).await)?
    }

    async fn upgrade(&self, address: &Address, body: Vec<u8>) -> Result<UnixStream, Failure> {
        let mut connection = Connection::open(&self.socket, self.connect_within).await?;
        let headers = [("connection", "upgrade"), ("upgrade", EXEC_PROTOCOL)];
        let head = connection.start(Method::Post, address, &headers, body);
        let late = |_elapsed| Failure::new(Code::Deadline, "osctld did not answer in time");
        let mut response = timeout(self.answer_within, head).await.map_err(late)??;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let body = Limited::new(response.into_body(), BODY_LIMIT).collect();
            let body = timeout(self.answer_within, body).await.map_err(late)?;
            let body = body.map_err(|error| broken(&os_types::chain(error.as_ref())))?;
            let problem = serde_json::from_slice::<Problem>(&body.to_bytes());
            return Err(problem.map_or_else(|error| broken(&error.to_string()), Failure::from));
        }
        let upgraded = hyper::upgrade::on(&mut response).await;
        let upgraded = upgraded.map_err(|error| broken(&os_types::chain(&error)))?;
        let parts = upgraded.downcast::<TokioIo<tokio::net::UnixStream>>();
        let parts = parts.map_err(|_other| broken("the connection is no socket"))?;
        if !parts.read_buf.is_empty() {
            return Err(broken("it spoke before it was asked"));
        }
        let socket = parts.io.into_inner().into_std();
        let socket = socket.and_then(|socket| socket.set_nonblocking(false).map(|()| socket));
        socket.map_err(|error| broken(&error.to_string()))
    }
}

fn broken(why: &str) -> Failure {
    let message = format!("the command cannot be talked about with osctld: {why}");
    Failure::new(Code::Protocol, message).next("osctl ping")
}
