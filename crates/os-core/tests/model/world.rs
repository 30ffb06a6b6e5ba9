//! A host in memory: applies the steps of plans to files and to the state, as the engine and the
//! daemon do on a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use os_api::Command;
use os_core::accounts::Registrar;
use os_core::{Facts, PoolState, State, ViewFacts, layout, plan};
use os_types::id_table::Allocation;
use os_types::step::{DirectoryStep, FileStep, IdBlocksStep, SystemUserStep};
use os_types::{Failure, Plan, PoolPath, Presence, Step};

/// Files of pools, directories of groups, and what is made of them.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) facts: Facts,
    pub(crate) files: BTreeMap<PoolPath, String>,
    pub(crate) folders: BTreeSet<PoolPath>,
}

pub(crate) fn facts() -> Facts {
    Facts {
        view: ViewFacts {
            root: "/".into(),
            run_dir: "/run/osctl".into(),
            state_dir: "/var/lib/osctl".into(),
            etc_dir: "/etc".into(),
            cgroup_parent: "osctl".into(),
            ..ViewFacts::default()
        },
        taken_names: BTreeSet::from(["etc".to_owned()]),
        ..Facts::default()
    }
}

/// The steps that take a plan back.
pub(crate) fn inverse(plan: &Plan) -> Vec<Step> {
    let steps = plan.steps.iter().rev();
    steps.map(|step| step.inverse().unwrap()).collect()
}

impl World {
    /// A host with these pools imported, each with its default documents.
    pub(crate) fn with(pools: &[&str]) -> Self {
        let mut world = Self {
            state: State::new(),
            facts: facts(),
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
        };
        for pool in pools {
            let pool = PoolState::new(&pool.parse().unwrap(), format!("/{pool}"));
            let steps = layout::missing_defaults(&pool);
            world.state.insert(pool);
            world.apply_all(&steps).unwrap();
        }
        world
    }

    pub(crate) fn plan(&self, command: impl Into<Command>) -> Result<Plan, Failure> {
        plan(&command.into(), &self.state, &self.facts)
    }

    /// Plans and applies.
    pub(crate) fn run(&mut self, command: impl Into<Command>) -> Result<Plan, Failure> {
        let plan = self.plan(command)?;
        self.apply_all(&plan.steps)?;
        Ok(plan)
    }

    pub(crate) fn apply_all(&mut self, steps: &[Step]) -> Result<(), Failure> {
        steps.iter().try_for_each(|step| self.apply(step))
    }

    fn apply(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::File(FileStep {
                path,
                before,
                after,
            }) => {
                assert_eq!(self.files.get(path), before.as_ref(), "conflict at {path}");
                self.put(path, after.clone());
            }
            Step::Directory(DirectoryStep { path, to, .. }) => match to {
                Presence::Present => assert!(self.folders.insert(path.clone())),
                Presence::Absent => {
                    let below = format!("{path}/");
                    let inside = |other: &PoolPath| other.to_string().starts_with(&below);
                    assert!(!self.files.keys().any(inside) && !self.folders.iter().any(inside));
                    assert!(self.folders.remove(path));
                }
            },
            Step::IdBlocks(IdBlocksStep {
                pool,
                range,
                index,
                count,
                owner,
                to,
            }) => {
                let found = self.state.find(Some(pool), range).unwrap();
                let wanted = Allocation {
                    block_index: *index,
                    block_count: *count,
                    owner: owner.clone(),
                };
                let doc = found.entry.doc().unwrap();
                let after = doc.with_blocks(&wanted, *to)?;
                let after = after.expect("a plan has no step that does nothing");
                let path = layout::config_path(&found.entity).unwrap();
                let path = PoolPath::new(pool, path).unwrap();
                self.put(&path, Some(os_core::document::text(&after)));
            }
            Step::SystemUser(SystemUserStep { pool, user, to }) => match to {
                Presence::Present => {
                    let account = Registrar::new(&self.state, &self.facts).account(pool, user);
                    let account = account?;
                    Arc::make_mut(&mut self.facts.view.accounts).insert(account);
                }
                Presence::Absent => {
                    let home = self.facts.home(pool, user);
                    let accounts = Arc::make_mut(&mut self.facts.view.accounts);
                    accounts.remove(&home).unwrap();
                }
            },
            other => panic!("not modelled: {other}"),
        }
        Ok(())
    }

    pub(crate) fn put(&mut self, path: &PoolPath, text: Option<String>) {
        self.state.apply_file(path, text.as_deref());
        match text {
            Some(text) => self.files.insert(path.clone(), text),
            None => self.files.remove(path),
        };
    }

    /// Writes a file behind osctl's back.
    pub(crate) fn edit(&mut self, pool: &str, relative: &str, text: &str) {
        let path = PoolPath::new(&pool.parse().unwrap(), relative).unwrap();
        self.put(&path, Some(text.to_owned()));
    }
}
