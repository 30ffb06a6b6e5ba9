//! Signals that are meant for the command.

use std::io;

use os_types::Failure;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

use super::session::Happening;

/// What people and their programs send to make a command do something. Not among them are those of
/// job control, which are about this process.
fn forwarded() -> [SignalKind; 7] {
    [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
    ]
}

/// Hands on every signal that comes from now on, inside a runtime.
pub(super) fn watch(sender: &Sender<Result<Happening, Failure>>) -> io::Result<()> {
    for kind in forwarded() {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        // It ends with the runtime, as does everything that could take what it sends.
        drop(tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let happened = Happening::Signal(kind.as_raw_value());
                if sender.send(Ok(happened)).await.is_err() {
                    return;
                }
            }
        }));
    }
    Ok(())
}
