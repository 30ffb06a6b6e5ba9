//! Our system users: the lines of our blocks in passwd, group, subuid and subgid.
//!
//! The blocks are the only record of who is registered and under which id; what is read from them
//! is written back, changed or not, whole.

mod register;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_types::{IdMap, IdSpan, NameError, PoolName, UserName};
pub use register::{RegisterError, Registrar};

use crate::document::UserDoc;
use crate::facts::Facts;

/// The system user of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name and that of its group, `<pool>-<user>`.
    pub name: String,
    /// Its user and group id.
    pub ugid: u32,
    /// Its home.
    pub home: PathBuf,
    /// Host user ids it may map.
    pub uids: Vec<IdSpan>,
    /// Host group ids it may map.
    pub gids: Vec<IdSpan>,
}

/// All of them, by name. A copy shares them until one of the two is changed: every listing has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(Arc<BTreeMap<String, Account>>);

/// The texts of our blocks, or of one account's lines in them; each line ends with a line feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountLines {
    /// For passwd.
    pub passwd: String,
    /// For group.
    pub group: String,
    /// For subuid.
    pub subuid: String,
    /// For subgid.
    pub subgid: String,
}

impl Account {
    /// The account of a user under `ugid`.
    ///
    /// # Errors
    /// When pool and user together are too long a name.
    pub fn new(
        (pool, user): (&PoolName, &UserName),
        doc: &UserDoc,
        ugid: u32,
        facts: &Facts,
    ) -> Result<Self, NameError> {
        let spans = |map: &IdMap| map.host_spans().collect();
        Ok(Self {
            name: user.system_user(pool)?,
            ugid,
            home: facts.home(pool, user),
            uids: spans(&doc.uid_map),
            gids: spans(doc.gid_map()),
        })
    }

    /// Its lines.
    ///
    /// The GECOS field `osctl` is what people see in `getent passwd`.
    pub fn lines(&self) -> AccountLines {
        let Self {
            name, ugid, home, ..
        } = self;
        let home = home.display();
        let spans = |spans: &[IdSpan]| {
            let mut text = String::new();
            for span in spans {
                writeln!(text, "{name}:{}:{}", span.first(), span.count())
                    .expect("writing to a string does not fail");
            }
            text
        };
        AccountLines {
            passwd: format!("{name}:x:{ugid}:{ugid}:osctl:{home}:/usr/sbin/nologin\n"),
            group: format!("{name}:x:{ugid}:\n"),
            subuid: spans(&self.uids),
            subgid: spans(&self.gids),
        }
    }
}

impl Accounts {
    /// What our blocks say. Lines that cannot be understood are left out: they are ours, and the
    /// next writing mends them.
    pub fn parse(lines: &AccountLines) -> Self {
        let mut accounts = BTreeMap::new();
        let mut uids = delegations(&lines.subuid);
        let mut gids = delegations(&lines.subgid);
        for line in lines.passwd.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, _, _, home, _] = fields.as_slice() else {
                continue;
            };
            let Ok(ugid) = uid.parse() else { continue };
            let name = (*name).to_owned();
            let account = Account {
                name: name.clone(),
                ugid,
                home: Path::new(home).to_owned(),
                uids: uids.remove(name.as_str()).unwrap_or_default(),
                gids: gids.remove(name.as_str()).unwrap_or_default(),
            };
            accounts.insert(name, account);
        }
        Self(Arc::new(accounts))
    }

    /// The texts of our blocks with all these accounts, by name.
    pub fn render(&self) -> AccountLines {
        let mut all = AccountLines::default();
        for account in self.0.values() {
            let lines = account.lines();
            all.passwd.push_str(&lines.passwd);
            all.group.push_str(&lines.group);
            all.subuid.push_str(&lines.subuid);
            all.subgid.push_str(&lines.subgid);
        }
        all
    }

    /// The account of that name.
    pub fn get(&self, name: &str) -> Option<&Account> {
        self.0.get(name)
    }

    /// Adds an account, or replaces the one of its name.
    pub fn insert(&mut self, account: Account) {
        Arc::make_mut(&mut self.0).insert(account.name.clone(), account);
    }

    /// Removes an account; answers it if it was there.
    pub fn remove(&mut self, name: &str) -> Option<Account> {
        Arc::make_mut(&mut self.0).remove(name)
    }

    /// All accounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.0.values()
    }
}

/// What the lines of a subuid or subgid text delegate, by name.
fn delegations(text: &str) -> BTreeMap<&str, Vec<IdSpan>> {
    let mut all: BTreeMap<&str, Vec<IdSpan>> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.trim_end().split(':');
        let name = fields.next().unwrap_or_default();
        let mut number = || fields.next().and_then(|field| field.parse().ok());
        if let (Some(first), Some(count)) = (number(), number()) {
            let spans = all.entry(name).or_default();
            spans.extend(IdSpan::new(first, count));
        }
    }
    all
}

#[cfg(test)]
mod tests;
