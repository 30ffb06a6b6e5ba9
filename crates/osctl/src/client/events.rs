//! The event stream, `text/event-stream` as of the HTML standard.

use http_body_util::BodyExt;
use os_api::endpoint::{EVENTS_PATH, EventsQuery, Method};
use os_api::{Event, Problem};
use os_types::{Code, Failure};
use tokio::time::timeout;

use super::Client;
use super::address::Address;
use super::connection::Connection;
use crate::fault::Fault;

/// Longest event; more is not from our daemon.
const EVENT_LIMIT: usize = 1 << 20;

/// Why a reader of events reads no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has what it wanted.
    Enough,
    /// Something failed.
    Fault(Fault),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fault(failure.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Client {
    /// Calls `on_event` for each event until the stream ends or it answers an error.
    ///
    /// *Blocking*: without end, unless `query` sets one; that is what a monitor is for.
    pub(crate) fn events<E: From<Failure>>(
        &mut self,
        query: &EventsQuery,
        mut on_event: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        self.run(async |client| client.stream(query, &mut on_event).await)?
    }

    /// As [`Client::events`], inside [`Client::run`], on a connection of its own.
    pub(crate) async fn stream<E: From<Failure>>(
        &self,
        query: &EventsQuery,
        mut on_event: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let address = &Address::plain(EVENTS_PATH, query)?;
        let mut connection = Connection::open(&self.socket, self.connect_within).await?;
        let head = connection.start(Method::Get, address, &[], Vec::new());
        let response = timeout(self.answer_within, head)
            .await
            .map_err(|_elapsed| Failure::new(Code::Deadline, "osctld did not answer in time"))??;
        let status = response.status();
        let mut body = response.into_body();
        let mut lines = Lines::default();
        let mut refusal = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| ended(&os_types::chain(&error)))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if !status.is_success() {
                refusal.extend_from_slice(&data);
                continue;
            }
            for event in lines.push(&data)? {
                on_event(event)?;
            }
        }
        if status.is_success() {
            return Ok(());
        }
        match serde_json::from_slice::<Problem>(&refusal) {
            Ok(problem) => Err(Failure::from(problem).into()),
            Err(error) => Err(ended(&error.to_string()).into()),
        }
    }
}

fn ended(why: &str) -> Failure {
    Failure::new(
        Code::Protocol,
        format!("the stream of events broke off: {why}"),
    )
    .next("osctl ping")
}

/// Puts events together from pieces of the stream.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    data: Vec<u8>,
}

impl Lines {
    /// The events that are whole with `piece`.
    fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        self.rest.extend_from_slice(piece);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = line.trim_ascii_end();
            if line.is_empty() {
                if !self.data.is_empty() {
                    let event = serde_json::from_slice(&self.data);
                    events.push(event.map_err(|error| ended(&error.to_string()))?);
                    self.data.clear();
                }
            } else if let Some(data) = line.strip_prefix(b"data:") {
                self.data.extend_from_slice(data.trim_ascii_start());
                self.data.push(b'\n');
            }
            // Other fields (`id`, `event`, comments that keep the stream alive) tell nothing that
            // is not in the data.
        }
        if self.rest.len() + self.data.len() > EVENT_LIMIT {
            return Err(ended("an event is larger than 1 MiB"));
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_may_come_in_pieces() {
        let stream = b": hello\n\nid: 7\ndata: {\"revision\":7,\"time\":\"2026-11-22T21:30:15Z\",\
            \"type\":\"daemon\",\r\ndata: \"state\":\"ready\"}\n\n";
        for size in [1, 7, 1000] {
            let mut lines = Lines::default();
            let pieces = stream.chunks(size).map(|piece| lines.push(piece).unwrap());
            let events: Vec<_> = pieces.flatten().collect();
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].revision, 7);
        }
        Lines::default().push(b"data: nonsense\n\n").unwrap_err();
    }
}
