//! One HTTP connection over a Unix socket.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use os_api::endpoint::Method;
use os_types::{Code, Failure};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::address::Address;

/// More than any answer; a program on the socket that is not ours must not fill our memory.
const BODY_LIMIT: usize = 256 << 20;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was asked, for messages.
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// A connection with nothing on its way.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects to `socket`.
    pub(super) async fn open(socket: &Path, within: Duration) -> Result<Self, Failure> {
        let no_daemon = |why: &str| {
            let message = format!("cannot reach osctld on {}: {why}", socket.display());
            Failure::new(Code::NoDaemon, message).next("osctld")
        };
        let stream = match timeout(within, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
                let message = format!("cannot connect to {}: {error}", socket.display());
                return Err(Failure::new(Code::Privilege, message).next("sudo osctl ..."));
            }
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return Err(no_daemon("there is no such socket"));
            }
            Ok(Err(error)) => return Err(no_daemon(&error.to_string())),
            Err(_elapsed) => {
                return Err(no_daemon(&format!("it did not accept within {within:?}")));
            }
        };
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| no_daemon(&error.to_string()))?;
        // It ends with the connection; its error is also the error of the request in progress.
        drop(tokio::spawn(driver.with_upgrades()));
        Ok(Self { sender })
    }

    /// False once the daemon has hung up.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the answer whole.
    pub(super) async fn exchange(
        &mut self,
        method: Method,
        address: &Address,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let request = format!("{} {address}", method.as_str());
        let exchange = async {
            let response = self.start(method, address, headers, body).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_LIMIT)
                .collect()
                .await;
            let body = body
                .map_err(|error| broken(&request, error.as_ref()))?
                .to_bytes();
            Ok((status, body))
        };
        match timeout(within, exchange).await {
            Ok(Ok((status, body))) => Ok(Answer {
                request,
                status,
                body,
            }),
            Ok(Err(failure)) => Err(failure),
            Err(_elapsed) => {
                let message = format!("osctld did not answer {request} within {within:?}");
                Err(Failure::new(Code::Deadline, message).next("osctl ping"))
            }
        }
    }

    /// Sends a request and reads the head of the answer.
    pub(super) async fn start(
        &mut self,
        method: Method,
        address: &Address,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Failure> {
        let asked = format!("{} {address}", method.as_str());
        let mut request = Request::builder()
            .method(method.as_str())
            .uri(address.as_str())
            .header("host", "osctld")
            .header("user-agent", concat!("osctl/", env!("CARGO_PKG_VERSION")));
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(&asked, &error))?;
        self.sender
            .send_request(request)
            .await
            .map_err(|error| broken(&asked, &error))
    }
}

/// The answer to `request` did not come, or not whole.
fn broken(request: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    let message = format!("no whole answer to {request}: {}", os_types::chain(error));
    Failure::new(Code::Protocol, message).next("osctl ping")
}
