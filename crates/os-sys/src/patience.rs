//! Asking again until a deadline: the only place of the project that sleeps.

use std::thread;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Calls `attempt` until it gives a value or an error; None when `patience` is used up.
///
/// For objects without a descriptor to wait on: lock files of other programs, control groups of version 1
/// (and of version 2, which announces that a group became empty, not that it can be removed),
/// mounts that somebody is about to leave.
pub fn until<T, E>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let begin = Instant::now();
    loop {
        if let Some(value) = attempt()? {
            return Ok(Some(value));
        }
        let waited = begin.elapsed();
        let Some(left) = patience.checked_sub(waited) else {
            return Ok(None);
        };
        // So the answer comes at most an eighth later than it could, and a long wait costs little.
        let pause = (waited / 8).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        thread::sleep(pause.min(left));
    }
}
