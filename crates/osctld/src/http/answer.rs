//! Results and failures as responses.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use os_api::problem::{MEDIA_TYPE, Problem};
use os_types::{Code, Failure};
use serde::Serialize;

/// The next request id; it names a request in the log and in its problem document.
pub(super) fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("r{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// `value` as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => response(status, "application/json", bytes),
        Err(error) => failure(Failure::new(
            Code::Internal,
            format!("cannot write the answer: {error}"),
        )),
    }
}

/// `failure` as a problem document. Faults of the daemon itself are logged here, once.
pub(super) fn failure(failure: Failure) -> Response {
    let request = request_id();
    let code = failure.code;
    if code == Code::Internal {
        tracing::error!(request, message = failure.message, "internal error");
    } else {
        tracing::debug!(request, %code, message = failure.message, "refused");
    }
    let mut problem = Problem::from(failure);
    problem.request = Some(request);
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let bytes = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = response(status, MEDIA_TYPE, bytes);
    if code == Code::TooLarge {
        // The rest of the body is not read, so the connection cannot be used again.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn response(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
