//! Progress of long steps: the stages of a stop and their deadlines.

use os_api::endpoint::{EventsQuery, Nothing, PingGet};
use os_api::{Command, EventBody};
use os_types::OpId;

use crate::client::Client;
use crate::client::events::Stop;
use crate::context::Ctx;

/// The position in the event stream from which the stages of a command are printed, if it has any.
#[derive(Debug)]
pub(super) struct Rungs(Option<(Client, u64)>);

impl Rungs {
    /// Records the current revision before a command is sent, so that no event is missed.
    pub(super) fn before(ctx: &mut Ctx, command: &Command) -> Self {
        let has_rungs = matches!(
            command,
            Command::ContainerStop(_)
                | Command::ContainerRestart(_)
                | Command::ContainerDel(_)
                | Command::PoolExport(_)
        );
        if !has_rungs || ctx.printer.quiet {
            return Self(None);
        }
        // A daemon that does not answer says so to the command itself.
        let told = ctx.client.ask::<PingGet>(&Nothing {}, &Nothing {}).ok();
        Self(told.map(|told| (ctx.client.beside(), told.revision)))
    }

    /// Prints the stages of an operation until it has ended, inside a runtime.
    ///
    /// Events that break off take nothing from the operation: its end is learned otherwise.
    pub(super) async fn follow(self, operation: &OpId, mut tell: impl FnMut(&str)) {
        let Some((client, since)) = self.0 else {
            return;
        };
        let query = EventsQuery {
            since: Some(since),
            ..EventsQuery::default()
        };
        let followed = client.stream::<Stop>(&query, |event| {
            match event.body {
                EventBody::Progress {
                    id, begins, text, ..
                } if id == *operation && !begins => tell(&text),
                EventBody::Operation { id, state, .. } if id == *operation && state.is_final() => {
                    return Err(Stop::Enough);
                }
                _ => {}
            }
            Ok(())
        });
        drop(followed.await);
    }
}
