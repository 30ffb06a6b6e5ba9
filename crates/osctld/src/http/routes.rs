//! One line an endpoint: which address is answered by what.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use os_api::Endpoint;
use os_api::endpoint as at;
use os_types::{Code, Failure};

use super::reads::{Read, Source, read};
use super::{answer, commands, daemon, events, exec, ready};
use crate::app::App;
use crate::query;

/// Addresses with what answers them.
struct Routes {
    app: App,
    router: Router<App>,
}

impl Routes {
    /// Adds a reading endpoint.
    fn read<E>(self, answer: Read<E>) -> Self
    where
        E: Endpoint<Path: Send, Query: Send> + 'static,
    {
        let route = read::<E>(&self.app, answer, Source::Memory);
        self.with(E::PATH, route)
    }

    /// Adds an endpoint that reads files on pools.
    fn read_files<E>(self, answer: Read<E>) -> Self
    where
        E: Endpoint<Path: Send, Query: Send> + 'static,
    {
        let route = read::<E>(&self.app, answer, Source::Files);
        self.with(E::PATH, route)
    }

    /// Adds an endpoint that does more than read.
    fn with(self, path: &str, route: MethodRouter<App>) -> Self {
        Self {
            router: self.router.route(path, route),
            ..self
        }
    }
}

pub(super) fn router(app: App) -> Router {
    let routes = Routes {
        app: app.clone(),
        router: Router::new(),
    }
    .read::<at::PingGet>(query::daemon::ping)
    .read::<at::DaemonGet>(query::daemon::status)
    .with(at::DaemonPrepareStop::PATH, post(daemon::prepare_stop))
    .with(at::DaemonResume::PATH, post(daemon::resume))
    .read::<at::CodeList>(query::daemon::codes)
    .read::<at::CodeGet>(query::daemon::code)
    .read_files::<at::PoolList>(query::pool::list)
    .read_files::<at::PoolGet>(query::pool::get)
    .read_files::<at::PoolSourceList>(query::pool::sources)
    .read::<at::IdRangeList>(query::id_range::list)
    .read::<at::IdRangeGet>(query::id_range::get)
    .read::<at::IdRangeFind>(query::id_range::find)
    .read::<at::IdRangeTable>(query::id_range::table)
    .read::<at::UserList>(query::user::list)
    .read::<at::UserGet>(query::user::get)
    .read::<at::UserFind>(query::user::find)
    .read::<at::GroupList>(query::group::list)
    .read::<at::GroupGet>(query::group::get)
    .read::<at::GroupFind>(query::group::find)
    .read::<at::ContainerList>(query::container::list)
    .read::<at::ContainerGet>(query::container::get)
    .read::<at::ContainerFind>(query::container::find)
    .read_files::<at::ContainerLogGet>(query::container::log)
    .read::<at::ContainerConfigGet>(query::container::config)
    .read_files::<at::AssetList>(query::asset::list)
    .read::<at::OperationList>(query::operation::list)
    .read::<at::QueueList>(query::operation::queues)
    .read_files::<at::HistoryList>(query::operation::history)
    .with(at::ContainerReady::PATH, get(ready::ready))
    .with(at::OperationGet::PATH, commands::operation(&app))
    .with(at::OperationCancel::PATH, commands::cancel(&app))
    .with(at::COMMAND_PATH, post(commands::submit))
    .with(at::PLAN_PATH, post(commands::plan))
    .with(os_api::exec::EXEC_PATH, post(exec::exec))
    .with(at::EVENTS_PATH, get(events::stream))
    .with(at::OPENAPI_PATH, get(openapi));
    let router = routes.router.fallback(no_such_address);
    router
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

/// Generates the document for each request, because clients request it once, and it is large.
async fn openapi(State(app): State<App>) -> Response {
    let document = || answer::json(StatusCode::OK, &os_api::openapi());
    let document = app.reads().run(document).await;
    document.unwrap_or_else(answer::failure)
}

async fn no_such_address(request: Request) -> Response {
    let message = format!("there is no address {}", request.uri().path());
    answer::failure(Failure::new(Code::NotFound, message).next("curl .../openapi.json"))
}

async fn no_such_method(method: Method, request: Request) -> Response {
    let message = format!("{} does not take {method}", request.uri().path());
    answer::failure(Failure::new(Code::Method, message))
}
