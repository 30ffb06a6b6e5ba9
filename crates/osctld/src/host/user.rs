//! The steps about system users.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use os_core::accounts::{Account, Registrar, system_user};
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic::{self, Attributes};
use os_types::step::SystemUserStep;
use os_types::{Failure, PoolName, Presence, UserName};

use super::{HostStep, LinuxHost};

/// The directory in the runtime directory of a pool with one empty file for each user that was unregistered by
/// hand. Registration follows from the documents of users otherwise.
const UNREGISTERED: &str = "unregistered";

/// Users that cannot be registered.
type Refused = Vec<(UserName, Failure)>;

impl HostStep for SystemUserStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let facts = host.facts()?;
        let known = facts.account(&self.pool, &self.user);
        let name = known.map_or_else(
            || system_user(&self.pool, &self.user),
            |known| known.name.clone(),
        );
        if facts.foreign.has_account(&name) {
            let text = format!("the host has an account {name} that does not belong to osctl");
            return Ok(StepCheck::Conflict(text));
        }
        if !host.accounts.is_written()? {
            return Ok(StepCheck::Ready);
        }
        Ok(StepCheck::of_presence(known.is_some(), self.to))
    }

    /// While a pool is being imported, and a crash's journal on it settled, only the mark of an
    /// unregistered user changes: the import registers all users without one when it has loaded them.
    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let Self { pool, user, to } = self;
        match to {
            Presence::Absent => {
                host.set_mark(pool, user)?;
                let home = layout::home(&host.paths.run(), pool, user);
                host.accounts
                    .change(|accounts| drop(accounts.remove(&home)))?;
                host.sweep_home(pool, user);
            }
            Presence::Present => {
                host.forget_mark(pool, user)?;
                if host.state().pool(pool).is_some() {
                    host.register(pool, user)?;
                }
            }
        }
        Ok(Outcome::Changed)
    }
}

impl LinuxHost {
    fn register(&self, pool: &PoolName, user: &UserName) -> Result<(), Failure> {
        // From the choice of its id until everybody can see that it is taken.
        let _ids = self.ids();
        let (facts, state) = (self.facts()?, self.state());
        if let Some(failure) = state.failure(pool, user) {
            // Plans register usable users only, so this is the rollback from the deletion of a
            // damaged one: its file is there again, its account cannot be.
            tracing::warn!(%pool, %user, %failure, "not registered");
            return Ok(());
        }
        let account = Registrar::new(&state, &facts).account(pool, user)?;
        self.make_home(&account)?;
        self.accounts.change(|accounts| accounts.insert(account))
    }

    fn mark(&self, pool: &PoolName, user: &UserName) -> PathBuf {
        let run = self.paths.pool_run(pool);
        run.join(UNREGISTERED).join(user.as_str())
    }

    fn set_mark(&self, pool: &PoolName, user: &UserName) -> Result<(), Failure> {
        let mark = self.mark(pool, user);
        let folder = mark.parent().unwrap_or(&mark);
        atomic::create_dir_all(folder, Attributes::mode(layout::RUN_MODE))?;
        atomic::replace(&mark, b"", Attributes::mode(0o400))?;
        Ok(())
    }

    /// Removes the mark of a user that was unregistered.
    pub(super) fn forget_mark(&self, pool: &PoolName, user: &UserName) -> Result<(), Failure> {
        let mark = self.mark(pool, user);
        // Most pools have no such directory.
        if mark.exists() {
            atomic::remove(&mark)?;
        }
        Ok(())
    }

    /// Registers all users of a pool that can be used, but for those that an administrator has
    /// unregistered since the pool was imported. Users that are gone are unregistered.
    pub(super) fn register_all(&self, pool: &PoolName) -> Result<(), Failure> {
        let _ids = self.ids();
        let (accounts, refused) = self.accounts_of(pool)?;
        for (user, failure) in refused {
            tracing::warn!(%pool, %user, %failure, "cannot register");
        }
        for account in &accounts {
            self.make_home(account)?;
        }
        let folder = self.paths().pool_run(pool);
        self.accounts.change(|registered| {
            registered.remove_below(&folder);
            for account in accounts {
                registered.insert(account);
            }
        })
    }

    /// Whether [`LinuxHost::register_all`] has nothing to do.
    pub(super) fn all_are_registered(&self, pool: &PoolName) -> Result<bool, Failure> {
        let (mut accounts, _) = self.accounts_of(pool)?;
        accounts.sort_by(|one, other| one.home.cmp(&other.home));
        Ok(self.registered(pool).eq(accounts.iter().cloned())
            && self.accounts.is_written()?
            && accounts
                .iter()
                .all(|it| is_home(&it.home, (self.home_owner)(it.ugid))))
    }

    /// The accounts of a pool that are registered, by home.
    pub(super) fn registered(&self, pool: &PoolName) -> impl Iterator<Item = Account> {
        let folder = self.paths().pool_run(pool);
        let accounts: Vec<_> = self.accounts.now().iter().cloned().collect();
        accounts
            .into_iter()
            .filter(move |account| account.home.starts_with(&folder))
    }

    /// The accounts that the users of a pool are to have, and the users that cannot have one.
    fn accounts_of(&self, pool: &PoolName) -> Result<(Vec<Account>, Refused), Failure> {
        let (facts, state) = (self.facts()?, self.state());
        let users = state
            .pool(pool)
            .into_iter()
            .flat_map(|pool| pool.users().iter());
        let mut registrar = Registrar::new(&state, &facts);
        let (mut accounts, mut refused) = (Vec::new(), Refused::new());
        for (user, entry) in users {
            if entry.failure().is_some() {
                // Until its file is repaired, a damaged user keeps what it had.
                accounts.extend(facts.account(pool, user).cloned());
                continue;
            }
            if state.failure(pool, user).is_some() || self.mark(pool, user).exists() {
                continue;
            }
            match registrar.account(pool, user) {
                Ok(account) => accounts.push(account),
                Err(failure) => refused.push((user.clone(), failure)),
            }
        }
        Ok((accounts, refused))
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
    /// runtime directory has to be durable, and an import makes thousands.
    fn make_home(&self, account: &Account) -> Result<(), Failure> {
        let (run, home) = (self.paths().run(), account.home.as_path());
        let (uid, gid) = (self.home_owner)(account.ugid);
        if is_home(home, (uid, gid)) {
            return Ok(());
        }
        let owner = home.symlink_metadata().map(|found| found.gid());
        if owner.is_ok_and(|found| found != gid) {
            // It was another user's: the user could not write what is in it.
            super::leftovers::remove_tree(home)?;
        }
        let between = home
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != run.as_path());
        let between: Vec<_> = between.filter(|folder| !folder.is_dir()).collect();
        for folder in between.into_iter().rev() {
            make(folder, Attributes::mode(layout::RUN_MODE))?;
        }
        make(home, Attributes::mode(layout::HOME_MODE).owned_by(uid, gid))
    }
}

fn is_home(path: &Path, (uid, gid): (u32, u32)) -> bool {
    path.symlink_metadata().is_ok_and(|found| {
        let owned = found.uid() == uid && found.gid() == gid;
        found.is_dir() && owned && found.mode() & 0o7777 == layout::HOME_MODE
    })
}

fn make(folder: &Path, attributes: Attributes) -> Result<(), Failure> {
    atomic::create_dir(folder, attributes)?;
    Ok(())
}
