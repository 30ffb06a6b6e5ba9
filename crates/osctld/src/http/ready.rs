//! `GET .../ready`: whether a guest has finished booting; on request as soon as it has.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use os_api::endpoint::{ContainerPart, WaitQuery};
use os_api::view::{Readiness, ReadyState};
use os_types::{ContainerRef, ContainerState};

use super::reads::{Parts, path_parts, query, respond};
use crate::app::App;

pub(super) async fn ready(State(app): State<App>, parts: Parts, uri: Uri) -> Response {
    let answer = async {
        let ContainerPart { pool, name } = path_parts(parts)?;
        let WaitQuery { wait_ms } = query(&uri)?;
        app.host().state().find(Some(&pool), &name)?;
        let container = ContainerRef::new(&pool, &name);
        let wait = Duration::from_millis(wait_ms.unwrap_or(0).into());
        let asked = app.clone();
        let ask = Arc::new(move |container: &ContainerRef| ask(&asked, container));
        app.readiness().wait(&container, wait, ask).await
    };
    respond(answer.await.as_ref())
}

fn ask(app: &App, container: &ContainerRef) -> Readiness {
    let runtime = app.host().runtime();
    let live = runtime.container(container);
    let live =
        live.filter(|live| matches!(live.state, ContainerState::Running | ContainerState::Frozen));
    live.map_or_else(
        || Readiness {
            state: ReadyState::Stopped,
            by: "it does not run".to_owned(),
        },
        |live| runtime.readiness(container, &live),
    )
}
