//! The accounts of users on this host: our blocks in passwd, group, subuid and subgid.
//!
//! The blocks are the truth about which users are registered, so a restarted daemon finds them again.
//! Each change renders all four blocks whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use os_core::accounts::Accounts;
use os_store::block::{self, Repair};
use os_types::Failure;

use super::account_lines::{self, AccountTexts};

/// Another program may keep an account file locked for so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// The accounts that are registered.
#[derive(Debug)]
pub(crate) struct Registry {
    etc: PathBuf,
    /// The directory that homes are below.
    pools: PathBuf,
    registered: RwLock<Arc<Accounts>>,
    /// Held while the files are written; readers do not wait for it.
    writing: Mutex<()>,
}

impl Registry {
    /// What the files in the directory `etc` say. Damaged markers do not keep the daemon from starting:
    /// our lines are known by what they say, and nothing is written until they are repaired.
    pub(crate) fn read(etc: &Path, pools: PathBuf) -> Result<Self, Failure> {
        let files = AccountTexts::read(etc, &pools)?;
        for damage in &files.damage {
            tracing::error!(
                damage,
                "users can be neither made nor deleted; run: osctl activate"
            );
        }
        Ok(Self {
            etc: etc.to_path_buf(),
            pools,
            registered: RwLock::new(Arc::new(Accounts::parse(&files.ours))),
            writing: Mutex::default(),
        })
    }

    /// The accounts at this moment.
    pub(crate) fn now(&self) -> Arc<Accounts> {
        Arc::clone(
            &self
                .registered
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes the accounts, first in the files, then in memory.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Accounts) -> T) -> Result<T, Failure> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = Accounts::clone(&self.now());
        let result = change(&mut wanted);
        if wanted != *self.now() || !self.is_written()? {
            self.write_files(&wanted, Repair::Refuse)?;
        }
        *self
            .registered
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(wanted);
        Ok(result)
    }

    /// Writes all blocks again, damaged ones too.
    pub(crate) fn rebuild(&self) -> Result<(), Failure> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_files(&self.now(), Repair::Rebuild)
    }

    /// True if the files hold what is registered, between damaged markers or not.
    pub(crate) fn is_written(&self) -> Result<bool, Failure> {
        let files = AccountTexts::read(&self.etc, &self.pools)?;
        Ok(files.ours == self.now().render())
    }

    /// All four files or none. Groups first and passwd after them, so that a user's group exists
    /// when the user does; a crash in between is repaired when the step is repeated.
    fn write_files(&self, wanted: &Accounts, repair: Repair) -> Result<(), Failure> {
        let lines = wanted.render();
        let files = [
            (self.etc.join("group"), &lines.group),
            (self.etc.join("passwd"), &lines.passwd),
            (self.etc.join("subuid"), &lines.subuid),
            (self.etc.join("subgid"), &lines.subgid),
        ];
        let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect();
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_path(), lines(text)))
            .collect();
        let before = self.now();
        let names = before.iter().chain(wanted.iter());
        let names: BTreeSet<_> = names.map(|account| account.name.clone()).collect();
        let is_ours = |line: &str| account_lines::is_ours(line, &self.pools, &names);
        Ok(block::set_all(&files, &is_ours, repair, PATIENCE)?)
    }
}
