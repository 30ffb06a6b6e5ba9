//! An operation whose daemon ended while it was followed: what the next daemon knows of it.

use std::time::Duration;

use os_api::Operation;
use os_api::endpoint::{
    HistoryList, HistoryQuery, Nothing, OperationGet, OperationPart, PingGet, PoolList, WaitQuery,
};
use os_api::view::{DaemonState, PoolState};
use os_types::{Code, EntityRef, Failure, PoolName};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::views::word;

/// How long the next daemon may take until it knows what its predecessor has begun.
const RESTART: Duration = Duration::from_secs(10);

/// How often it is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(200);

/// The operation as the daemon that runs now knows it, after a question about it failed. `last` is what
/// was known before.
///
/// # Errors
/// `Code::Cancelled` if it is certain that the operation has not begun; else that nothing is known.
pub(super) async fn find(
    client: &mut Client,
    last: &Operation,
    failure: Failure,
) -> Result<Operation, Failure> {
    let show = format!("osctl operation show {}", last.id);
    if !matches!(
        failure.code,
        Code::Protocol | Code::NoDaemon | Code::NotFound
    ) {
        return Err(failure.next(show));
    }
    match timeout(RESTART, ask_until_known(client, last)).await {
        Ok(known) => known,
        Err(_elapsed) => {
            let (id, state) = (&last.id, word(last.state));
            let text = format!("osctld ended while operation {id} was {state}: {failure}");
            Err(Failure::new(Code::NoDaemon, text).next(show))
        }
    }
}

async fn ask_until_known(client: &mut Client, last: &Operation) -> Result<Operation, Failure> {
    let path = OperationPart {
        id: last.id.to_string(),
    };
    let now = WaitQuery::default();
    let at_once = Duration::ZERO;
    loop {
        // Asked for first: what a daemon that is ready does not know had not begun.
        let ping = client.ask_async::<PingGet>(&Nothing {}, &Nothing {}, at_once);
        let is_ready = ping
            .await
            .is_ok_and(|ping| ping.state == DaemonState::Ready);
        match client.ask_async::<OperationGet>(&path, &now, at_once).await {
            Ok(operation) => return Ok(operation),
            Err(failure) if is_ready && failure.code == Code::NotFound => {
                if let Some(known) = unknown(client, last).await {
                    return known;
                }
            }
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// What became of an operation that is not on its way: it is in the history, or it had not begun. None
/// if a pool that it was about is not imported, so that its history cannot be read.
async fn unknown(client: &mut Client, last: &Operation) -> Option<Result<Operation, Failure>> {
    let query = HistoryQuery {
        pool: None,
        limit: Some(1000),
    };
    let at_once = Duration::ZERO;
    let records = client.ask_async::<HistoryList>(&Nothing {}, &query, at_once);
    let records = records.await.ok()?;
    if let Some(record) = records.into_iter().find(|record| record.id == last.id) {
        return Some(Ok(Operation {
            state: record.state,
            ended: Some(record.time),
            failure: record.failure,
            recovered: record.recovered,
            ..last.clone()
        }));
    }
    let pools = client.ask_async::<PoolList>(&Nothing {}, &Nothing {}, at_once);
    let pools = pools.await.ok()?;
    let is_imported = |wanted: &PoolName| {
        let mut imported = pools.iter().filter(|pool| pool.state == PoolState::Active);
        imported.any(|pool| pool.name == *wanted)
    };
    let mut wanted = last.touches.iter().filter_map(EntityRef::pool);
    wanted.all(is_imported).then(|| {
        let text = format!(
            "osctld ended before operation {} began; nothing was changed",
            last.id
        );
        Err(Failure::new(Code::Cancelled, text).next(client.command_line()))
    })
}
