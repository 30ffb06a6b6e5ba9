//! Commands as JSON, the way they come in.

use os_api::Command;

/// The command `name` with a body in JSON.
pub(crate) fn command(name: &str, body: &str) -> Command {
    Command::decode(name, body.as_bytes())
        .expect("a command of that name")
        .expect("a body that the command takes")
}
