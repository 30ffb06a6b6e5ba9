//! One line an endpoint: which address is answered by what.

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use os_api::Endpoint;
use os_api::endpoint as at;
use os_types::{Code, Failure};

use super::reads::read;
use super::{answer, commands, events};
use crate::app::App;
use crate::query;

pub(super) fn router(app: App) -> Router {
    let document = os_api::openapi();
    Router::new()
        .route(
            at::PingGet::PATH,
            read::<at::PingGet>(&app, query::daemon::ping),
        )
        .route(
            at::CodeList::PATH,
            read::<at::CodeList>(&app, query::daemon::codes),
        )
        .route(
            at::CodeGet::PATH,
            read::<at::CodeGet>(&app, query::daemon::code),
        )
        .route(
            at::PoolList::PATH,
            read::<at::PoolList>(&app, query::pool::list),
        )
        .route(
            at::PoolGet::PATH,
            read::<at::PoolGet>(&app, query::pool::get),
        )
        .route(
            at::PoolSourceList::PATH,
            read::<at::PoolSourceList>(&app, query::pool::sources),
        )
        .route(
            at::IdRangeList::PATH,
            read::<at::IdRangeList>(&app, query::id_range::list),
        )
        .route(
            at::IdRangeGet::PATH,
            read::<at::IdRangeGet>(&app, query::id_range::get),
        )
        .route(
            at::IdRangeTable::PATH,
            read::<at::IdRangeTable>(&app, query::id_range::table),
        )
        .route(
            at::UserList::PATH,
            read::<at::UserList>(&app, query::user::list),
        )
        .route(
            at::UserGet::PATH,
            read::<at::UserGet>(&app, query::user::get),
        )
        .route(
            at::GroupList::PATH,
            read::<at::GroupList>(&app, query::group::list),
        )
        .route(
            at::GroupGet::PATH,
            read::<at::GroupGet>(&app, query::group::get),
        )
        .route(
            at::AssetList::PATH,
            read::<at::AssetList>(&app, query::asset::list),
        )
        .route(
            at::OperationList::PATH,
            read::<at::OperationList>(&app, query::operation::list),
        )
        .route(at::OperationGet::PATH, commands::operation(&app))
        .route(at::OperationCancel::PATH, commands::cancel(&app))
        .route(
            at::QueueList::PATH,
            read::<at::QueueList>(&app, query::operation::queues),
        )
        .route(
            at::HistoryList::PATH,
            read::<at::HistoryList>(&app, query::operation::history),
        )
        .route(at::COMMAND_PATH, post(commands::submit))
        .route(at::EVENTS_PATH, get(events::stream))
        .route(
            at::OPENAPI_PATH,
            get(async move || answer::json(axum::http::StatusCode::OK, &document)),
        )
        .fallback(no_such_address)
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

async fn no_such_address(request: Request) -> Response {
    let message = format!("there is no address {}", request.uri().path());
    answer::failure(Failure::new(Code::NotFound, message).next("curl .../openapi.json"))
}

async fn no_such_method(method: Method, request: Request) -> Response {
    let message = format!("{} does not take {method}", request.uri().path());
    answer::failure(Failure::new(Code::Method, message))
}
