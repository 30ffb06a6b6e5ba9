//! Our system users: the lines of our blocks in passwd, group, subuid and subgid.
//!
//! The blocks are the only record of which users are registered and under which id; what is read
//! from them is written back, changed or not, whole. An account is identified by its home,
//! `<run folder>/pools/<pool>/users/<user>`, and not by its name: names are derived, and an account
//! that an older version made keeps the name it has.

mod register;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_types::{IdMap, IdSpan, PoolName, UserName};
pub use register::Registrar;
pub(crate) use register::taken_by_host;
use sha2::{Digest as _, Sha256};

use crate::document::UserDoc;
use crate::facts::Facts;

/// The system user of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name and that of its group: [`system_user`], or what an older version called it.
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

/// All accounts by their homes. A copy shares them until one of the two is changed: every listing
/// has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(Arc<BTreeMap<PathBuf, Account>>);

/// The longest name of a system user, in bytes (`useradd(8)`, utmp).
const NAME_MAX: usize = 32;

/// The name of a user's system user.
///
/// *Shape*: `<pool>-<user>`, e.g. `tank-alice`. If that is longer than 32 bytes, or the pool's name
/// has a `-`, so that another pool and user could give the same text: its first 19 bytes, a `.` and
/// 12 hexadecimal digits of the SHA-256 of `<pool>:<user>`. No name of the first form has a `.`
/// after its first `-`, so the two forms never meet.
pub fn system_user(pool: &PoolName, user: &UserName) -> String {
    const DIGITS: usize = 12;
    let plain = format!("{pool}-{user}");
    if plain.len() <= NAME_MAX && !pool.as_str().contains('-') {
        return plain;
    }
    let digest = Sha256::digest(format!("{pool}:{user}"));
    // The names are ASCII, so every byte is a character.
    let mut name: String = plain.chars().take(NAME_MAX - DIGITS - 1).collect();
    name.push('.');
    for byte in digest.iter().take(DIGITS / 2) {
        write!(name, "{byte:02x}").expect("writing to a string does not fail");
    }
    name
}

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
    /// The account `name` of a user under the id `ugid`.
    pub fn new(
        (pool, user): (&PoolName, &UserName),
        doc: &UserDoc,
        (name, ugid): (String, u32),
        facts: &Facts,
    ) -> Self {
        let spans = |map: &IdMap| map.host_spans().collect();
        Self {
            name,
            ugid,
            home: facts.home(pool, user),
            uids: spans(&doc.uid_map),
            gids: spans(doc.gid_map()),
        }
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
    /// next writing repairs them.
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
            let account = Account {
                name: (*name).to_owned(),
                ugid,
                home: Path::new(home).to_owned(),
                uids: uids.remove(name).unwrap_or_default(),
                gids: gids.remove(name).unwrap_or_default(),
            };
            accounts.insert(account.home.clone(), account);
        }
        Self(Arc::new(accounts))
    }

    /// The texts of our blocks with all these accounts, by home.
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

    /// The account with that home.
    pub fn get(&self, home: &Path) -> Option<&Account> {
        self.0.get(home)
    }

    /// Adds an account, or replaces the one with its home.
    pub fn insert(&mut self, account: Account) {
        Arc::make_mut(&mut self.0).insert(account.home.clone(), account);
    }

    /// Removes the account with that home; answers it if it was there.
    pub fn remove(&mut self, home: &Path) -> Option<Account> {
        Arc::make_mut(&mut self.0).remove(home)
    }

    /// Removes all accounts with homes below a directory: those of a pool.
    pub fn remove_below(&mut self, folder: &Path) {
        Arc::make_mut(&mut self.0).retain(|home, _| !home.starts_with(folder));
    }

    /// Keeps the accounts with homes below one of these directories.
    pub fn retain_below(&mut self, folders: &[PathBuf]) {
        let known = |home: &PathBuf| folders.iter().any(|folder| home.starts_with(folder));
        Arc::make_mut(&mut self.0).retain(|home, _| known(home));
    }

    /// All accounts, by home.
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
