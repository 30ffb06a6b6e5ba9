//! The daemon itself, and error codes.

use os_api::endpoint::{CodePart, Nothing};
use os_api::view::{CodeInfo, DaemonStatus, Ping};
use os_types::{Code, Failure};

use crate::app::App;
use crate::lifecycle;

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn ping(app: &App, _: &Nothing, _: &Nothing) -> Result<Ping, Failure> {
    Ok(Ping {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started: app.started(),
        state: app.state(),
        revision: app.engine().events().newest(),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn status(app: &App, _: &Nothing, _: &Nothing) -> Result<DaemonStatus, Failure> {
    Ok(lifecycle::status(app))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn codes(_: &App, _: &Nothing, _: &Nothing) -> Result<Vec<CodeInfo>, Failure> {
    Ok(Code::ALL.iter().map(|code| info(*code)).collect())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn code(_: &App, part: &CodePart, _: &Nothing) -> Result<CodeInfo, Failure> {
    Ok(info(part.code))
}

fn info(code: Code) -> CodeInfo {
    CodeInfo {
        code,
        title: code.title().to_owned(),
        explanation: code.explanation().to_owned(),
        status: code.status(),
        exit: code.exit(),
    }
}
