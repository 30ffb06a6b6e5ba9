//! Signals that are meant for the command.

use std::io;

use os_types::Failure;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

use super::Happening;

/// The window of the terminal has another size.
pub(super) const WINDOW: i32 = 28;
/// This process goes on after it was stopped.
pub(super) const CONTINUE: i32 = 18;
/// Somebody wants it to end.
pub(super) const TERMINATE: i32 = 15;
/// The terminal is gone.
pub(super) const HANG_UP: i32 = 1;

/// What people and their programs send to make a command do something, and what says something
/// about the terminal.
fn watched() -> [SignalKind; 9] {
    [
        SignalKind::interrupt(),
        SignalKind::from_raw(TERMINATE),
        SignalKind::from_raw(HANG_UP),
        SignalKind::quit(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
        SignalKind::from_raw(WINDOW),
        SignalKind::from_raw(CONTINUE),
    ]
}

/// Hands on every signal that comes from now on, inside a runtime.
pub(super) fn watch(sender: &Sender<Result<Happening, Failure>>) -> io::Result<()> {
    for kind in watched() {
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
