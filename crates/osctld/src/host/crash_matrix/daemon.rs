//! A daemon on a host in plain files, which starts like the real daemon and runs commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use os_api::command::PoolImport;
use os_api::{Command, Operation, OperationState};
use os_core::asset;
use os_engine::{Engine, Faults, Limits, OperationRequest, Setup, Strength, UndoTarget};
use os_runtime::Runtime;
use os_types::plan::JournalPlace;
use os_types::{OpId, Plan, PoolName};

use super::cuts::Cuts;
use super::plain_host::PlainHost;
use super::plain_storage::PlainPools;
use crate::host::probe::Look;
use crate::host::{LinuxHost, Means};
use crate::news::News;
use crate::paths::Paths;
use crate::scopes::{Journals, Scopes};

const TIME: Duration = Duration::from_mins(1);

pub(super) struct Daemon {
    tokio: tokio::runtime::Runtime,
    engine: Engine<PlainHost>,
}

impl Daemon {
    /// Starts it and waits until recovery has ended. `runtime` has no containers.
    pub(super) fn start(
        root: &Path,
        runtime: &Arc<Runtime>,
        cuts: &Arc<Cuts>,
        faults: &str,
    ) -> Self {
        let paths = Paths::new(root);
        let scopes = Arc::new(Scopes::new(paths.clone()));
        let means = Means {
            pools: Box::new(PlainPools),
            runtime: Arc::clone(runtime),
            home_owner: |_| (0, 0),
        };
        let real = LinuxHost::with(paths, Arc::clone(&scopes), News::default(), means).unwrap();
        let identity = os_engine::Identity {
            boot: real.identity().boot_id.clone(),
            host: real.identity().host_id.clone(),
        };
        let own = Arc::clone(cuts);
        let engine = Engine::new(Setup {
            host: PlainHost::new(real, Arc::clone(cuts)),
            journals: Box::new(Journals(scopes)),
            identity,
            faults: Faults::new(
                faults.parse().unwrap(),
                Arc::new(move |_| own.cut("between")),
            ),
            limits: Limits::default(),
        });
        let tokio = tokio::runtime::Builder::new_current_thread();
        let tokio = { tokio }.enable_all().build().unwrap();
        let daemon = Self { tokio, engine };
        daemon.become_ready();
        daemon
    }

    /// The same sequence as `become_ready` of the real daemon.
    fn become_ready(&self) {
        self.tokio.block_on(async {
            self.engine.recover(JournalPlace::Host).await.unwrap();
            for pool in self.host().real.sources().unwrap().into_keys() {
                let is_imported = self.host().state().pool(&pool).is_some();
                if !is_imported && self.host().real.is_ours(&pool).unwrap_or(false) {
                    self.import(&pool).await;
                }
            }
            self.host().real.unregister_strangers().unwrap();
            let state = self.host().state();
            let pools = state.pools().iter().map(|pool| pool.name().clone());
            let pools = pools.map(|pool| JournalPlace::Pool { pool });
            for place in pools.chain([JournalPlace::Host, JournalPlace::Run]) {
                self.engine.resume(place).await.unwrap();
            }
            for operation in self.engine.list() {
                self.engine.wait(operation.id.as_str(), TIME).await.unwrap();
            }
        });
    }

    async fn import(&self, pool: &PoolName) {
        let import = PoolImport {
            pool: pool.clone(),
            source: None,
            force: false,
            autostart: false,
        };
        let id = self.submit(import.into());
        let ended = self.engine.wait(id.as_str(), TIME).await.unwrap();
        assert_eq!(ended.state, OperationState::Finished, "{ended:#?}");
    }

    fn host(&self) -> &PlainHost {
        self.engine.host()
    }

    /// The plan of a command as it would be now.
    pub(super) fn preview(&self, command: &Command) -> Plan {
        let planned = match command {
            Command::Undo(_) => {
                let planned = self.engine.undo_plan(&UndoTarget::Newest);
                planned.map(|(_, plan)| plan)
            }
            other => self.host().preview(other),
        };
        planned.unwrap_or_else(|failure| panic!("{}: {failure}", command.name()))
    }

    fn submit(&self, command: Command) -> OpId {
        let request = if let Command::Undo(_) = command {
            self.engine.undo_work(&UndoTarget::Newest).unwrap()
        } else {
            let (touches, engine) = (self.preview(&command).touches, self.engine.clone());
            OperationRequest {
                command: command.name().to_owned(),
                cli: String::new(),
                uid: 0,
                pid: 1,
                touches,
                deadline: TIME,
                strength: Strength::Normal,
                slot: None,
                undoes: None,
                planner: Arc::new(move || engine.host().plan(&command)),
            }
        };
        self.engine.submit(request).unwrap()
    }

    /// Runs a command and returns how it ended.
    pub(super) fn run(&self, command: &Command) -> Operation {
        let running = async {
            let id = self.submit(command.clone());
            self.engine.wait(id.as_str(), TIME).await.unwrap()
        };
        self.tokio.block_on(running)
    }

    /// Runs a command that has to succeed.
    pub(super) fn succeed(&self, command: &Command) {
        let ended = self.run(command);
        assert_eq!(ended.state, OperationState::Finished, "{ended:#?}");
    }

    /// The final state of an operation of an earlier daemon; `None` if it is in no history.
    pub(super) fn state_of(&self, id: &OpId) -> Option<OperationState> {
        if let Ok(found) = self.engine.get(id.as_str()) {
            return Some(found.state);
        }
        let pools = self.host().state();
        let pools = pools.pools().iter().map(|pool| pool.name().clone());
        let pools = pools.map(|pool| JournalPlace::Pool { pool });
        let places = pools.chain([JournalPlace::Host, JournalPlace::Run]);
        let mut records = places.flat_map(|place| {
            let history = self.engine.history(&place, usize::MAX);
            history.map(|found| found.records).unwrap_or_default()
        });
        let found = records.find(|record| record.header.id == *id);
        found.map(|record| record.ending.state)
    }

    /// The state in memory and the invalid assets, as text. Fails if the state differs from the files, or if ids
    /// are reserved.
    pub(super) fn views(&self) -> BTreeMap<String, String> {
        // Reads the host's own accounts into the state.
        let facts = self.host().real.facts().unwrap();
        let state = self.host().state();
        assert_eq!(state.reserved().count(), 0, "ids are reserved");
        let unsaved = self.host().real.cache.unsaved().clone();
        assert_eq!(unsaved, None, "ids are not remembered");
        let mut views = BTreeMap::new();
        for pool in state.pools() {
            let loaded = self.host().real.load(pool.name()).unwrap();
            assert_eq!(
                format!("{pool:#?}"),
                format!("{loaded:#?}"),
                "not as in its files"
            );
            let failures: Vec<_> = pool.failures().collect();
            assert!(failures.is_empty(), "{failures:#?}");
        }
        views.insert("state".to_owned(), format!("{state:#?}"));
        let wrong = os_api::endpoint::AssetsQuery {
            invalid: true,
            ..Default::default()
        };
        let wrong = asset::query(&state, &facts, &wrong, &Look::new(&self.host().real)).unwrap();
        views.insert("wrong".to_owned(), format!("{wrong:#?}"));
        views
    }
}

/// Creates the files that a host has before its first daemon.
pub(super) fn install(root: &Path) {
    for folder in ["etc", "kernel"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let files = [
        ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("group", "root:x:0:\n"),
        ("subuid", ""),
        ("subgid", ""),
        ("machine-id", "0123456789abcdef0123456789abcdef\n"),
    ];
    for (name, text) in files {
        super::write(&root.join("etc").join(name), text);
    }
}
