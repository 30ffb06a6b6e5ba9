//! Words: the nouns of the project as types that can exist only valid.
//!
//! Everything here is pure data: no file, socket, clock or process is touched. What comes from
//! outside (a command line, a request, a file on a pool) becomes one of these types at the edge and
//! is never checked again further in.
//!
//! ```text
//!   names      PoolName, UserName, GroupName, IdRangeName, AttrKey    who is meant
//!   dataset    DatasetName, SnapshotName                              ZFS words for storage
//!   size       ByteSize                                               numbers with a unit
//!   id_map     IdMap, IdSpan                                          uid/gid maps, disjointness
//!   id_table   IdTable                                                blocks of an id range
//!   container  ContainerName, ContainerState, StartPolicy, StopPolicy  what runs, how it starts and stops
//!   hostname   Hostname                                               how a guest is called
//!   setting    InitCmd, RawLxc, DnsResolvers                          values of settings
//!   host_path  HostPath                                               files on the host
//!   prlimit    PrlimitName, Prlimit                                   limits of processes
//!   image      Distribution, Arch, ImageDigest, ImageInfo             what a root is made from
//!   entity     EntityRef                                              what an operation touches
//!   step       Step                                                   one change as data
//!   plan       Plan                                                   the steps of a command
//!   code       Code, Failure, Explain                                 errors with a stable code
//!   chain      chain()                                                one way to print a cause
//!   similar    similar()                                              the name that was meant
//! ```
//!
//! Invariants: every identifier's rule cites its source; a [`Step`] carries all that its inverse
//! needs; a [`Code`] that was published is never given another meaning.
//!
//! Start reading at [`step`], it is the heart of the design (ADR-4).
#![forbid(unsafe_code)]

pub mod chain;
pub mod code;
pub mod container;
pub mod dataset;
pub mod entity;
pub mod file_system;
pub mod host_path;
pub mod hostname;
pub mod id_map;
pub mod id_table;
pub mod image;
pub mod names;
pub mod op_id;
pub mod plan;
pub mod pool_path;
pub mod prlimit;
pub mod setting;
pub mod similar;
pub mod size;
pub mod step;

pub use chain::chain;
pub use code::{Code, Explain, Failure};
pub use container::{
    Autostart, ContainerName, ContainerRef, ContainerState, StartInit, StartPolicy, StopMethod,
    StopPolicy,
};
pub use dataset::{DatasetName, SnapshotName};
pub use entity::EntityRef;
pub use file_system::FileSystem;
pub use host_path::HostPath;
pub use hostname::Hostname;
pub use id_map::{IdMap, IdMapEntry, IdSpan};
pub use id_table::{IdTable, Segment};
pub use image::{
    Arch, DistVersion, Distribution, ImageConfig, ImageDigest, ImageInfo, Variant, Vendor,
};
pub use names::{AttrKey, GroupName, IdRangeName, NameError, PoolName, UserName};
pub use op_id::OpId;
pub use plan::{JournalPlace, Parallel, Plan};
pub use pool_path::PoolPath;
pub use prlimit::{LimitValue, Prlimit, PrlimitName};
pub use setting::{DnsResolvers, InitCmd, RawLxc};
pub use similar::similar;
pub use size::ByteSize;
pub use step::{GuestSettings, Presence, Step, StepKind};
