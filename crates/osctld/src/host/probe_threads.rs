//! Questions that may hang forever, such as the size of a file on a server that is gone.
//!
//! Each is asked by a thread of its own, at most one a key, so that a hung file system costs one
//! thread and no caller waits longer than it wants to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers of one kind, by path.
#[derive(Debug)]
pub(crate) struct ProbeThreads<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    probes: Mutex<BTreeMap<PathBuf, Probe<T>>>,
    answered: Condvar,
}

/// The newest question about a path.
#[derive(Debug)]
struct Probe<T> {
    number: u64,
    begun: Instant,
    /// Absent while the thread has not answered.
    answer: Option<T>,
}

/// Names a question that was begun, so that its own answer is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbeNumber(u64);

impl<T> Default for ProbeThreads<T> {
    fn default() -> Self {
        Self(Arc::new(Shared {
            probes: Mutex::default(),
            answered: Condvar::new(),
        }))
    }
}

impl<T: Clone + Send + 'static> ProbeThreads<T> {
    /// Asks about `path`, unless an earlier question has no answer yet.
    pub(crate) fn begin(
        &self,
        path: &Path,
        ask: impl FnOnce() -> T + Send + 'static,
    ) -> ProbeNumber {
        let mut probes = self.0.lock();
        let before = probes.get(path);
        let number = before.map_or(0, |probe| probe.number);
        if before.is_some_and(|probe| probe.answer.is_none()) {
            return ProbeNumber(number);
        }
        let number = number.wrapping_add(1);
        let (shared, key) = (Arc::clone(&self.0), path.to_owned());
        let thread = std::thread::Builder::new().name("probe".to_owned());
        let spawned = thread.spawn(move || {
            let answer = ask();
            if let Some(probe) = shared.lock().get_mut(&key) {
                probe.answer = Some(answer);
            }
            shared.answered.notify_all();
        });
        match spawned {
            Ok(_detached) => {
                let probe = Probe {
                    number,
                    begun: Instant::now(),
                    answer: None,
                };
                probes.insert(path.to_owned(), probe);
            }
            // Without a thread there is no answer; the next caller tries again.
            Err(error) => tracing::warn!(%error, path = %path.display(), "cannot start a thread"),
        }
        ProbeNumber(number)
    }

    /// The answer to a question, at `deadline` at the latest. A question that has waited for longer
    /// than `patience` already is not waited for.
    pub(crate) fn end(
        &self,
        path: &Path,
        ProbeNumber(number): ProbeNumber,
        patience: Duration,
        deadline: Instant,
    ) -> Option<T> {
        let mut probes = self.0.lock();
        loop {
            let probe = probes.get(path).filter(|probe| probe.number >= number)?;
            if let Some(answer) = &probe.answer {
                return Some(answer.clone());
            }
            let until = deadline.min(probe.begun + patience);
            let left = until.checked_duration_since(Instant::now())?;
            let waited = self.0.answered.wait_timeout(probes, left);
            probes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Probe<T>>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn ask(probes: &ProbeThreads<u32>, wait: Duration, answer: u32) -> Option<u32> {
        let path = Path::new("/a");
        let number = probes.begin(path, move || answer);
        probes.end(path, number, wait, Instant::now() + wait)
    }

    #[test]
    fn each_caller_gets_a_new_answer() {
        let probes = ProbeThreads::default();
        assert_eq!(ask(&probes, LONG, 1), Some(1));
        assert_eq!(ask(&probes, LONG, 2), Some(2));
    }

    #[test]
    fn a_hung_question_is_asked_once_and_waited_for_once() {
        let probes = ProbeThreads::default();
        let (go_on, hangs) = mpsc::channel::<()>();
        let path = Path::new("/a");
        let number = probes.begin(path, move || {
            hangs.recv().unwrap();
            1
        });
        let short = Duration::from_millis(1);
        assert_eq!(
            probes.end(path, number, short, Instant::now() + short),
            None
        );
        // Its patience is over: a long deadline changes nothing.
        assert_eq!(probes.end(path, number, short, Instant::now() + LONG), None);
        // No second thread asks: the answer that comes is that of the first.
        assert_eq!(ask(&probes, short, 2), None);
        go_on.send(()).unwrap();
        assert_eq!(
            probes.end(path, number, LONG, Instant::now() + LONG),
            Some(1)
        );
        assert_eq!(ask(&probes, LONG, 3), Some(3));
    }
}
