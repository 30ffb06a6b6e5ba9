//! Waiting until guests have finished booting: one task per container, shared by all waiting clients.
//!
//! However many clients wait, only one helper at a time queries a guest, and a waiting client occupies
//! no thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use os_api::view::{Readiness, ReadyState};
use os_types::{Code, ContainerRef, Failure};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Maximum number of guests that are queried at the same time. A query times out after 10 s.
const ASKED_AT_ONCE: usize = 16;

/// Pause after the first query of a guest; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Maximum pause between two queries of a guest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Timeout for the first result of a guest, for clients that do not wait for readiness.
const FIRST_ANSWER: Duration = Duration::from_secs(12);

/// Queries a guest. It may block for 10 s.
pub(crate) type Ask = Arc<dyn Fn(&ContainerRef) -> Readiness + Send + Sync>;

/// The last result; `None` before the first.
type Answers = watch::Sender<Option<Readiness>>;

/// The guests that clients wait for.
#[derive(Debug)]
pub(crate) struct ReadinessWatchers {
    watched: Mutex<BTreeMap<ContainerRef, Answers>>,
    asking: Semaphore,
}

impl Default for ReadinessWatchers {
    fn default() -> Self {
        Self {
            watched: Mutex::default(),
            asking: Semaphore::new(ASKED_AT_ONCE),
        }
    }
}

impl ReadinessWatchers {
    /// Whether the guest has finished booting. With `wait`, returns when it has, or after that time.
    ///
    /// # Errors
    /// `Deadline` if no query succeeded.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        container: &ContainerRef,
        wait: Duration,
        ask: Ask,
    ) -> Result<Readiness, Failure> {
        let mut answers = self.subscribe(container, ask);
        let deadline = Instant::now() + wait;
        let is_ready = |answer: &Option<Readiness>| {
            answer
                .as_ref()
                .is_some_and(|answer| answer.state == ReadyState::Ready)
        };
        let ready = tokio::time::timeout_at(deadline, answers.wait_for(is_ready)).await;
        drop(ready);
        // At the deadline return the last result; there is at least one.
        let known = tokio::time::timeout(FIRST_ANSWER, answers.wait_for(Option::is_some)).await;
        let known = known
            .ok()
            .and_then(Result::ok)
            .and_then(|answer| answer.clone());
        known.ok_or_else(|| {
            let text = format!("container {container} does not say whether it is up");
            Failure::new(Code::Deadline, text)
                .about(format!("container {container}"))
                .next(format!("osctl ct show {container}"))
        })
    }

    /// Subscribes to results of the guest; starts its task if there is none.
    fn subscribe(
        self: &Arc<Self>,
        container: &ContainerRef,
        ask: Ask,
    ) -> watch::Receiver<Option<Readiness>> {
        let mut watched = self.lock();
        if let Some(answers) = watched.get(container) {
            return answers.subscribe();
        }
        let (answers, receiver) = watch::channel(None);
        watched.insert(container.clone(), answers.clone());
        let task = ask_until_ready(Arc::clone(self), container.clone(), answers, ask);
        tokio::spawn(task);
        receiver
    }

    /// Ends the task if the guest is ready, or if no client waits any more.
    fn end(&self, container: &ContainerRef, answers: &Answers, is_ready: bool) -> bool {
        // The lock prevents clients from subscribing between the check and the removal.
        let mut watched = self.lock();
        let ends = is_ready || answers.receiver_count() == 0;
        if ends {
            watched.remove(container);
        }
        ends
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ContainerRef, Answers>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_until_ready(
    watchers: Arc<ReadinessWatchers>,
    container: ContainerRef,
    answers: Answers,
    ask: Ask,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = {
            let _turn = watchers.asking.acquire().await;
            let (ask, container) = (Arc::clone(&ask), container.clone());
            tokio::task::spawn_blocking(move || ask(&container)).await
        };
        let is_ready = match answer {
            Ok(answer) => {
                let is_ready = answer.state == ReadyState::Ready;
                answers.send_replace(Some(answer));
                is_ready
            }
            Err(error) => {
                tracing::error!(%error, %container, "a query of a guest panicked");
                false
            }
        };
        if watchers.end(&container, &answers, is_ready) {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn web() -> ContainerRef {
        ContainerRef::new(&"tank".parse().unwrap(), &"web".parse().unwrap())
    }

    /// Returns "ready" from the query of this number on, and counts concurrent queries.
    fn guest(ready_at: usize) -> (Ask, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (asked, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let asking = AtomicUsize::new(0);
        let counters = (Arc::clone(&asked), Arc::clone(&most));
        let ask = move |_: &ContainerRef| {
            most.fetch_max(asking.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            std::thread::sleep(Duration::from_millis(5));
            asking.fetch_sub(1, Ordering::SeqCst);
            let state = if number < ready_at {
                ReadyState::NotYet
            } else {
                ReadyState::Ready
            };
            let by = number.to_string();
            Readiness { state, by }
        };
        (Arc::new(ask), counters.0, counters.1)
    }

    #[tokio::test]
    async fn a_thousand_clients_share_one_question_at_a_time() {
        let watchers = Arc::new(ReadinessWatchers::default());
        let (ask, asked, most) = guest(4);
        let container = web();
        let clients = (0..1000).map(|_| {
            let long = Duration::from_mins(1);
            watchers.wait(&container, long, Arc::clone(&ask))
        });
        for answer in futures_util::future::join_all(clients).await {
            assert_eq!(answer.unwrap().state, ReadyState::Ready);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 4);
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(watchers.lock().is_empty());
    }

    #[tokio::test]
    async fn without_waiting_the_first_answer_counts_and_the_watch_ends_with_its_clients() {
        let watchers = Arc::new(ReadinessWatchers::default());
        let (ask, ..) = guest(usize::MAX);
        let answer = watchers.wait(&web(), Duration::ZERO, ask).await.unwrap();
        assert_eq!(answer.state, ReadyState::NotYet);
        let ends = async {
            while !watchers.lock().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), ends)
            .await
            .unwrap();
    }
}
