//! The steps about system users.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use os_core::accounts::{Account, RegisterError, Registrar, system_user};
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic::{self, Attributes};
use os_types::step::SystemUserStep;
use os_types::{Failure, PoolName, Presence, UserName, chain};

use super::{HostStep, LinuxHost};

/// Users to be registered as soon as their pool is loaded.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<BTreeMap<PoolName, BTreeSet<UserName>>>);

impl Pending {
    fn add(&self, pool: &PoolName, user: &UserName) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending
            .entry(pool.clone())
            .or_default()
            .insert(user.clone());
    }

    fn take(&self, pool: &PoolName) -> BTreeSet<UserName> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.remove(pool).unwrap_or_default()
    }
}

impl HostStep for SystemUserStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let facts = host.facts()?;
        let known = facts.account(&self.pool, &self.user);
        let name = known.map_or_else(
            || system_user(&self.pool, &self.user),
            |known| known.name.clone(),
        );
        if facts.foreign.has_account(&name) {
            let text = format!("the host has an account {name} that is none of ours");
            return Ok(StepCheck::Conflict(text));
        }
        if !host.accounts.is_written()? {
            return Ok(StepCheck::Ready);
        }
        Ok(StepCheck::of_presence(known.is_some(), self.to))
    }

    /// A user whose pool is not loaded is only noted: this is the recovery of a journal in the middle
    /// of an import, which registers users itself when it has loaded them.
    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let Self { pool, user, to } = self;
        match to {
            Presence::Absent => {
                let home = layout::home(&host.paths.run(), pool, user);
                host.accounts
                    .change(|accounts| drop(accounts.remove(&home)))?;
            }
            Presence::Present if host.state().pool(pool).is_some() => {
                let (state, facts) = (host.state(), host.facts()?);
                match Registrar::new(&state, &facts).account(pool, user) {
                    Ok(account) => {
                        host.make_home(&account)?;
                        host.accounts.change(|accounts| accounts.insert(account))?;
                    }
                    // Plans register usable users only, so this is the way back from the deletion
                    // of a damaged one: its file is there again, its account cannot be.
                    Err(error @ RegisterError::Disabled { .. }) => {
                        tracing::warn!(%pool, %user, error = chain(&error), "not registered");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Presence::Present => host.pending.add(pool, user),
        }
        Ok(Outcome::Changed)
    }
}

impl LinuxHost {
    /// Registers all users of a pool that can be used; `only` those whose system users exist
    /// already when the pool was in use before this daemon started. Users that are gone are
    /// unregistered.
    pub(super) fn register_all(&self, pool: &PoolName, only_known: bool) -> Result<(), Failure> {
        let (state, facts) = (self.state(), self.facts()?);
        let users = state
            .pool(pool)
            .into_iter()
            .flat_map(|pool| pool.users().iter());
        let mut registrar = Registrar::new(&state, &facts);
        let mut accounts = Vec::new();
        let pending = self.pending.take(pool);
        for (user, entry) in users {
            if entry.failure().is_some() {
                // Until its file is repaired, a damaged user keeps what it had.
                accounts.extend(facts.account(pool, user).cloned());
                continue;
            }
            if state.failure(pool, user).is_some() {
                continue;
            }
            let known = facts.account(pool, user).is_some() || pending.contains(user);
            if only_known && !known {
                continue;
            }
            match registrar.account(pool, user) {
                Ok(account) => {
                    self.make_home(&account)?;
                    accounts.push(account);
                }
                Err(error) => {
                    tracing::warn!(%pool, %user, error = chain(&error), "cannot register");
                }
            }
        }
        let folder = layout::run_folder(&facts.run_dir, pool);
        self.accounts.change(|registered| {
            registered.remove_below(&folder);
            for account in accounts {
                registered.insert(account);
            }
        })
    }

    /// Unregisters all users of a pool.
    pub(super) fn unregister_all(&self, pool: &PoolName) -> Result<(), Failure> {
        let folder = self.paths().pool_run(pool);
        self.accounts
            .change(|registered| registered.remove_below(&folder))
    }

    /// Unregisters users of pools that are not imported, as after a boot without a pool.
    pub(crate) fn unregister_strangers(&self) -> Result<(), Failure> {
        let state = self.state();
        let known: Vec<_> = state
            .pools()
            .iter()
            .map(|pool| self.paths().pool_run(pool.name()))
            .collect();
        self.accounts
            .change(|registered| registered.retain_below(&known))
    }

    /// The home: root's, its group may look at it. One that is right is left alone: nothing in the
    /// run folder has to be durable, and an import makes thousands.
    fn make_home(&self, account: &Account) -> Result<(), Failure> {
        let (run, home) = (self.paths().run(), account.home.as_path());
        if is_home(home, account.ugid) {
            return Ok(());
        }
        let between = home
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != run.as_path());
        let between: Vec<_> = between.filter(|folder| !folder.is_dir()).collect();
        for folder in between.into_iter().rev() {
            make(folder, Attributes::mode(layout::RUN_MODE))?;
        }
        make(
            home,
            Attributes::mode(layout::HOME_MODE).owned_by(0, account.ugid),
        )
    }
}

fn is_home(path: &Path, ugid: u32) -> bool {
    path.symlink_metadata().is_ok_and(|found| {
        let owned = found.uid() == 0 && found.gid() == ugid;
        found.is_dir() && owned && found.mode() & 0o7777 == layout::HOME_MODE
    })
}

fn make(folder: &Path, attributes: Attributes) -> Result<(), Failure> {
    atomic::create_dir(folder, attributes)?;
    Ok(())
}
