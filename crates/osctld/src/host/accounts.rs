//! The accounts of users on this host: our blocks in passwd, group, subuid and subgid.
//!
//! The blocks are the truth about who is registered, so a restarted daemon finds them again. Each
//! change renders all four blocks whole.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use os_core::accounts::{AccountLines, Accounts};
use os_store::block;
use os_types::Failure;

/// Another program may keep an account file locked for so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who is registered.
#[derive(Debug)]
pub(crate) struct Registry {
    etc: PathBuf,
    registered: RwLock<Arc<Accounts>>,
    /// Held while the files are written; readers do not wait for it.
    writing: Mutex<()>,
}

impl Registry {
    /// What the files in the folder `etc` say.
    pub(crate) fn read(etc: &Path) -> Result<Self, Failure> {
        let text = |name: &str| {
            let lines = block::read(&etc.join(name))?;
            Ok::<_, Failure>(lines.into_iter().map(|line| line + "\n").collect())
        };
        let registered = Accounts::parse(&AccountLines {
            passwd: text("passwd")?,
            group: text("group")?,
            subuid: text("subuid")?,
            subgid: text("subgid")?,
        });
        Ok(Self {
            etc: etc.to_path_buf(),
            registered: RwLock::new(Arc::new(registered)),
            writing: Mutex::default(),
        })
    }

    /// Who is registered at this moment.
    pub(crate) fn now(&self) -> Arc<Accounts> {
        Arc::clone(
            &self
                .registered
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes who is registered, first in the files, then in memory.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Accounts) -> T) -> Result<T, Failure> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = Accounts::clone(&self.now());
        let result = change(&mut wanted);
        self.write_files(&wanted.render())?;
        *self
            .registered
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(wanted);
        Ok(result)
    }

    /// True if the files hold what is registered.
    pub(crate) fn is_written(&self) -> Result<bool, Failure> {
        let wanted = self.now().render();
        for (name, text) in files(&wanted) {
            let lines = block::read(&self.etc.join(name))?;
            if !lines.iter().map(String::as_str).eq(text.lines()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Each file is replaced as a whole. Groups first and passwd after them, so that a user's group
    /// exists when the user does; a crash in between is mended when the step is repeated.
    fn write_files(&self, wanted: &AccountLines) -> Result<(), Failure> {
        for (name, text) in files(wanted) {
            let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
            block::set(&self.etc.join(name), &lines, PATIENCE)?;
        }
        Ok(())
    }
}

fn files(lines: &AccountLines) -> [(&'static str, &str); 4] {
    [
        ("group", &lines.group),
        ("passwd", &lines.passwd),
        ("subuid", &lines.subuid),
        ("subgid", &lines.subgid),
    ]
}
