//! The addresses of the API, each declared once.

use os_types::{ContainerName, GroupName, IdRangeName, PoolName, UserName};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::operation::{HistoryRecord, Operation, Queue};
use crate::{view, wire};

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Change.
    Post,
}

impl Method {
    /// As in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One address: what it takes and what it answers.
pub trait Endpoint {
    /// The `{name}` parts of the path.
    type Path: Serialize + DeserializeOwned + JsonSchema;
    /// The query.
    type Query: Serialize + DeserializeOwned + JsonSchema;
    /// The answer, status 200.
    type Answer: Serialize + DeserializeOwned + JsonSchema;
    /// Its method.
    const METHOD: Method;
    /// Its path, with `{name}` parts.
    const PATH: &'static str;
}

/// What the OpenAPI document says of an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct EndpointInfo {
    /// Name of the operation, e.g. `UserList`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// The first version that has it.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Schema of the path's parts.
    pub path_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the query.
    pub query_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the answer.
    pub answer_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Media type of the answer.
    pub media_type: &'static str,
}

/// No parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Only what is on one pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnPool {
    /// Name of the pool; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
}

/// Which containers, and how much of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainersQuery {
    /// Name of the pool; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Omit fields that most listings do not print: directories, id maps, init.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
}

/// A pool in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolPart {
    /// Name of the pool.
    pub pool: PoolName,
}

/// An entity on a pool in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntityPart<N> {
    /// Name of the pool.
    pub pool: PoolName,
    /// Name of the entity; the slashes of a group are written `%2F`.
    pub name: N,
}

/// A user in a path.
pub type UserPart = EntityPart<UserName>;
/// An id range in a path.
pub type IdRangePart = EntityPart<IdRangeName>;
/// A group in a path.
pub type GroupPart = EntityPart<GroupName>;
/// A container in a path.
pub type ContainerPart = EntityPart<ContainerName>;

/// The name of an entity in a path; its slashes are written `%2F`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamePart<N> {
    /// Name of the entity, on whichever pool.
    pub name: N,
}

/// An operation in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationPart {
    /// Its id, or an unambiguous beginning or end of it.
    #[schemars(length(min = 1, max = 40))]
    pub id: String,
}

/// How long to wait for the end of an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Respond when the operation has ended, or after this number of milliseconds with its state at that time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 0, { wire::WAIT_MS_MAX }>"
    )]
    #[schemars(range(min = 0, max = wire::WAIT_MS_MAX))]
    pub wait_ms: Option<u32>,
}

/// Which part of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// Name of the pool; default: the host and all pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// How many records at most, newest first; default 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 1, { wire::HISTORY_MAX }>"
    )]
    #[schemars(range(min = 1, max = wire::HISTORY_MAX))]
    pub limit: Option<u32>,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Go on behind this revision (as the header `Last-Event-ID` does); default: only new events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// End the stream after this number of events.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 1, { u32::MAX }>"
    )]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub limit: Option<u32>,
    /// End the stream after this number of milliseconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 0, { wire::EVENTS_MS_MAX }>"
    )]
    #[schemars(range(min = 0, max = wire::EVENTS_MS_MAX))]
    pub timeout_ms: Option<u32>,
}

/// Which assets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetsQuery {
    /// Only this kind of entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AssetsOf>,
    /// Only entities on this pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Only the entity of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1700))]
    pub name: Option<String>,
    /// Only what is not as it should be.
    #[serde(default)]
    pub invalid: bool,
}

/// Kinds of entities that have assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssetsOf {
    /// The host.
    Host,
    /// Pools.
    Pool,
    /// Id ranges.
    IdRange,
    /// Users.
    User,
    /// Groups.
    Group,
    /// Containers.
    Container,
}

/// Options of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandQuery {
    /// Wait up to this number of milliseconds for the end before answering with the operation.
    /// Until the operation begins it then belongs to the connection: it is withdrawn if the client
    /// closes that.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 0, { wire::WAIT_MS_MAX }>"
    )]
    #[schemars(range(min = 0, max = wire::WAIT_MS_MAX))]
    pub wait_ms: Option<u32>,
}

/// Options of a cancellation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelQuery {
    /// Only withdraw it from the queue: one that has begun goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub if_queued: bool,
}

/// Path of a command. The body is the command's; the answer is always 202 with an [`Operation`],
/// also when that has ended already.
pub const COMMAND_PATH: &str = "/v1/commands/{command}";

/// Path of the plan of a command. The body is the command's; the answer is 200 with an
/// [`crate::CommandPlan`], and nothing is changed.
pub const PLAN_PATH: &str = "/v1/plans/{command}";

/// Path of the event stream, `text/event-stream` of [`crate::Event`].
pub const EVENTS_PATH: &str = "/v1/events";

/// Path of the OpenAPI document.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// Header of a command request with the command line it came from, secrets removed, at most 4096
/// bytes; kept in the history.
pub const CLI_HEADER: &str = "osctl-command-line";

/// Largest request body in bytes.
pub const BODY_LIMIT: usize = 1 << 20;

/// The table of endpoints.
macro_rules! endpoints {
    ($($name:ident: $method:ident $path:literal [$parts:ty] ($query:ty) -> $answer:ty, $since:literal, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Endpoint for $name {
                type Path = $parts;
                type Query = $query;
                type Answer = $answer;
                const METHOD: Method = Method::$method;
                const PATH: &'static str = $path;
            }
        )*

        /// Every endpoint but the commands, the events and the document itself.
        pub const ALL: &[EndpointInfo] = &[$(EndpointInfo {
            name: stringify!($name),
            method: Method::$method,
            path: $path,
            since: $since,
            summary: $summary,
            path_schema: <$parts as JsonSchema>::json_schema,
            query_schema: <$query as JsonSchema>::json_schema,
            answer_schema: |generator| generator.subschema_for::<$answer>(),
            media_type: "application/json",
        }),*];
    };
}

endpoints! {
    PingGet: Get "/v1/ping" [Nothing] (Nothing) -> view::Ping, "0.1", "Is the daemon there, and in what state";
    DaemonGet: Get "/v1/daemon" [Nothing] (Nothing) -> view::DaemonStatus, "0.3", "Whether the daemon is ready, or prepared for a stop";
    DaemonPrepareStop: Post "/v1/daemon/prepare-stop" [Nothing] (Nothing) -> view::DaemonStatus, "0.3", "Close the admission of lifecycle commands and wait for those that run";
    DaemonResume: Post "/v1/daemon/resume" [Nothing] (Nothing) -> view::DaemonStatus, "0.3", "Accept lifecycle commands again";
    PoolList: Get "/v1/pools" [Nothing] (Nothing) -> Vec<view::Pool>, "0.1", "Imported pools, in order of import";
    PoolGet: Get "/v1/pools/{pool}" [PoolPart] (Nothing) -> view::Pool, "0.1", "One pool";
    PoolSourceList: Get "/v1/pool-sources" [Nothing] (Nothing) -> Vec<view::PoolSource>, "0.1", "Pools this host knows, imported or not, by name";
    IdRangeList: Get "/v1/id-ranges" [Nothing] (OnPool) -> Vec<view::IdRange>, "0.1", "Id ranges, by pool and name";
    IdRangeGet: Get "/v1/id-ranges/{pool}/{name}" [IdRangePart] (Nothing) -> view::IdRange, "0.1", "One id range";
    IdRangeFind: Get "/v1/id-ranges/{name}" [NamePart<IdRangeName>] (Nothing) -> view::IdRange, "0.2", "The id range of this name on the first imported pool that has one";
    IdRangeTable: Get "/v1/id-ranges/{pool}/{name}/table" [IdRangePart] (Nothing) -> Vec<view::IdSegment>, "0.1", "Free and allocated blocks of an id range, in order";
    UserList: Get "/v1/users" [Nothing] (OnPool) -> Vec<view::User>, "0.1", "Users, by pool and name";
    UserGet: Get "/v1/users/{pool}/{name}" [UserPart] (Nothing) -> view::User, "0.1", "One user";
    UserFind: Get "/v1/users/{name}" [NamePart<UserName>] (Nothing) -> view::User, "0.2", "The user of this name on the first imported pool that has one";
    GroupList: Get "/v1/groups" [Nothing] (OnPool) -> Vec<view::Group>, "0.1", "Groups, by pool and name";
    GroupGet: Get "/v1/groups/{pool}/{name}" [GroupPart] (Nothing) -> view::Group, "0.1", "One group";
    GroupFind: Get "/v1/groups/{name}" [NamePart<GroupName>] (Nothing) -> view::Group, "0.2", "The group of this name on the first imported pool that has one";
    ContainerList: Get "/v1/containers" [Nothing] (ContainersQuery) -> Vec<view::Container>, "0.2", "Containers, by pool and id";
    ContainerGet: Get "/v1/containers/{pool}/{name}" [ContainerPart] (Nothing) -> view::Container, "0.2", "One container";
    ContainerFind: Get "/v1/containers/{name}" [NamePart<ContainerName>] (Nothing) -> view::Container, "0.2", "The container of this name on the first imported pool that has one";
    ContainerReady: Get "/v1/containers/{pool}/{name}/ready" [ContainerPart] (WaitQuery) -> view::Readiness, "0.2", "Whether the guest is up, on request as soon as it is";
    ContainerLogGet: Get "/v1/containers/{pool}/{name}/log" [ContainerPart] (Nothing) -> view::ContainerLog, "0.2", "The end of a container's log";
    ContainerConfigGet: Get "/v1/containers/{pool}/{name}/config" [ContainerPart] (Nothing) -> view::ContainerConfig, "0.2", "The configuration file of a container";
    AssetList: Get "/v1/assets" [Nothing] (AssetsQuery) -> Vec<view::Asset>, "0.1", "What entities expect to exist, and in what state it is";
    OperationList: Get "/v1/operations" [Nothing] (Nothing) -> Vec<Operation>, "0.1", "Operations in progress and the newest ended ones, oldest first";
    OperationGet: Get "/v1/operations/{id}" [OperationPart] (WaitQuery) -> Operation, "0.1", "One operation, on request at its end";
    OperationCancel: Post "/v1/operations/{id}/cancel" [OperationPart] (CancelQuery) -> Operation, "0.1", "Interrupt an operation and take back what it did; answers at once";
    QueueList: Get "/v1/queues" [Nothing] (Nothing) -> Vec<Queue>, "0.1", "Which operations hold which locks, and which wait";
    HistoryList: Get "/v1/history" [Nothing] (HistoryQuery) -> Vec<HistoryRecord>, "0.1", "Ended operations, newest first";
    CodeList: Get "/v1/codes" [Nothing] (Nothing) -> Vec<view::CodeInfo>, "0.1", "Error codes and what they mean";
    CodeGet: Get "/v1/codes/{code}" [CodePart] (Nothing) -> view::CodeInfo, "0.1", "One error code";
}

/// An error code in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodePart {
    /// The code, e.g. `E-NOT-FOUND`.
    pub code: os_types::Code,
}
