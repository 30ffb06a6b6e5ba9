//! Whether commands that start, stop, freeze or delete containers are accepted; `lifecycle.rs` decides that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use os_engine::{Engine, OperationRequest};
use os_types::{Code, Failure, OpId};
use tokio::sync::{Notify, watch};

use crate::host::LinuxHost;

/// Whether lifecycle commands are accepted.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) open: watch::Sender<bool>,
    failures: Mutex<Vec<String>>,
    /// Held while the phase changes. True while a failed `post-resume` is being retried.
    pub(crate) turn: tokio::sync::Mutex<bool>,
    /// Notified by a resume, which cancels a drain.
    pub(crate) resumed: Notify,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            open: watch::Sender::new(true),
            failures: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            resumed: Notify::new(),
        }
    }
}

impl Admission {
    /// Submits an operation, unless it is one that is not accepted now.
    pub(crate) fn submit(
        &self,
        engine: &Engine<LinuxHost>,
        request: OperationRequest,
    ) -> Result<OpId, Failure> {
        // Held until the operation is listed, so that a drain that begins afterwards waits for it.
        let open = self.open.borrow();
        if !*open && is_lifecycle(&request.command) {
            let text =
                "container lifecycle admission is closed: osctld is being prepared for a stop";
            return Err(Failure::new(Code::Draining, text).next("osctl daemon status"));
        }
        engine.submit(request)
    }

    /// Waits until lifecycle commands are accepted.
    pub(crate) async fn opened(&self) {
        // The sender is not dropped before `self`.
        drop(self.open.subscribe().wait_for(|open| *open).await);
    }

    /// What went wrong when the daemon was prepared for a stop, or resumed.
    pub(crate) fn failures(&self) -> MutexGuard<'_, Vec<String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a command starts, stops, freezes or deletes containers, by its name.
pub(crate) fn is_lifecycle(command: &str) -> bool {
    [
        "container-start",
        "container-stop",
        "container-restart",
        "container-freeze",
        "container-unfreeze",
        "container-del",
        "pool-import",
        "pool-export",
        "undo",
    ]
    .contains(&command)
}

#[cfg(test)]
mod tests {
    use os_api::Command;

    use super::*;

    #[test]
    fn lifecycle_commands_exist() {
        let names = Command::ALL.iter().map(|command| command.name);
        let count = names.filter(|name| is_lifecycle(name)).count();
        assert_eq!(count, 9);
    }
}
