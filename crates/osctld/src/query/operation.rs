//! Operations, queues and history.

use os_api::endpoint::{HistoryQuery, Nothing};
use os_api::{HistoryRecord, Operation, Queue};
use os_engine::{JournalDirs as _, Record};
use os_types::plan::JournalPlace;
use os_types::{Code, Failure};

use crate::app::App;

/// Records that a history has unless asked for more or fewer.
const LIMIT: u32 = 100;

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn list(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<Operation>, Failure> {
    Ok(app.engine().list())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn queues(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<Queue>, Failure> {
    Ok(app.engine().holders())
}

pub(crate) fn history(
    app: &App,
    _: &Nothing,
    query: &HistoryQuery,
) -> Result<Vec<HistoryRecord>, Failure> {
    let limit = usize::try_from(query.limit.unwrap_or(LIMIT).min(10_000)).unwrap_or(usize::MAX);
    let places = match &query.pool {
        None => app.host().journals().open(),
        Some(pool) if app.host().state().pool(pool).is_some() => {
            vec![JournalPlace::Pool { pool: pool.clone() }]
        }
        Some(pool) => {
            let text = format!("pool {pool} is not imported");
            return Err(Failure::new(Code::NotFound, text).next("osctl pool ls"));
        }
    };
    let mut records = Vec::new();
    for place in &places {
        let history = app.engine().history(place, limit)?;
        for damage in &history.damaged {
            tracing::warn!(?place, %damage, "damaged history");
        }
        records.extend(history.records.iter().map(Record::view));
    }
    records.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
    records.truncate(limit);
    Ok(records)
}
