//! The API over HTTP/1.1 on a Unix socket (ADR-1).
//!
//! [`serve`] accepts connections and knows who is at the other end; `routes` has one line an
//! endpoint; `answer` turns results and failures into responses. Every connection, request body and
//! wait has a bound.

mod answer;
mod client_link;
mod commands;
mod daemon;
mod events;
mod exec;
mod reads;
mod ready;
mod routes;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use os_sys::peer_credentials;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::app::App;

/// Maximum number of connected clients; more wait in the listen queue of the kernel.
const CONNECTIONS: usize = 4096;

/// A client has so long to send the head of its request.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// Back-off after `accept()` fails (for example EMFILE).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The peer of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// User id.
    pub(crate) uid: u32,
    /// Process id.
    pub(crate) pid: i32,
}

/// Serves until `stop` turns true, then lets requests in progress end for a moment.
pub(crate) async fn serve(app: App, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    let router = routes::router(app);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                let stop = stop.clone();
                tokio::spawn(async move {
                    connection(router, stream, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors: the next accept would fail at once and burn the processor.
                tracing::warn!(%error, "cannot accept a connection");
                if tokio::time::timeout(ACCEPT_PAUSE, stopped(&mut stop))
                    .await
                    .is_ok()
                {
                    break;
                }
            }
        }
    }
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let drained = tokio::time::timeout(Duration::from_secs(2), places.acquire_many(all));
    if drained.await.is_err() {
        tracing::info!("closing connections that are still open");
    }
}

async fn connection(router: Router, stream: UnixStream, mut stop: watch::Receiver<bool>) {
    let peer = match peer_credentials(&stream) {
        Ok(peer) => Peer {
            uid: peer.uid,
            pid: peer.pid,
        },
        Err(error) => {
            tracing::warn!(%error, "cannot tell who connected");
            return;
        }
    };
    let link = match client_link::ClientLink::of(&stream) {
        Ok(link) => link,
        Err(error) => {
            tracing::warn!(%error, "no descriptor is left for a client");
            return;
        }
    };
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(link.clone());
        request.map(axum::body::Body::new)
    });
    let service = service.map_err(|never: Infallible| match never {});
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .half_close(true);
    let connection = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, pid = peer.pid, "a client hung up");
    }
}

/// Returns when the daemon is to end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which also means to stop.
    drop(stop.wait_for(|stopped| *stopped).await);
}
