//! Making the account of a user: may it have one, and under which id.

use os_types::{Code, Failure, IdSpan, PoolName, UserName};

use super::{Account, system_user};
use crate::claim::{Claims, Holder};
use crate::facts::Facts;
use crate::state::State;

/// Makes accounts, each under an id of its own.
///
/// For the step that registers one user, and for the import of a pool, which registers thousands:
/// what is taken is looked up once.
#[derive(Debug)]
pub struct Registrar<'a> {
    state: &'a State,
    facts: &'a Facts,
    claims: Claims,
    next: u32,
}

impl<'a> Registrar<'a> {
    /// For the users of `state` on the host of `facts`.
    pub fn new(state: &'a State, facts: &'a Facts) -> Self {
        Self {
            state,
            facts,
            claims: Claims::of(state, facts),
            next: 100_000,
        }
    }

    /// The account for a user: with the id that it has already, or the next free one.
    ///
    /// *Shape*: ids from 100000 to 199999. On a host where that is full, as on one whose people
    /// have delegations of 65536 ids each from 100000 on (the default of `useradd(8)`), up to
    /// 999999.
    ///
    /// # Errors
    /// When the user is disabled, the host has such an account itself, or no id is left.
    pub fn account(&mut self, pool: &PoolName, user: &UserName) -> Result<Account, Failure> {
        let entry = self.state.find(Some(pool), user)?.entry;
        let doc = entry.doc();
        let failure = self.state.failure(pool, user);
        let (Some(doc), None) = (doc, failure) else {
            let unread = || Failure::new(Code::Damaged, "its file cannot be read");
            let failure = failure.cloned().unwrap_or_else(unread);
            let message = format!("user {pool}:{user} is disabled: {failure}");
            return Err(Failure { message, ..failure }.about(user.entity(pool)));
        };
        let known = self.facts.account(pool, user);
        let name = known.map_or_else(|| system_user(pool, user), |known| known.name.clone());
        if self.facts.foreign.has_account(&name) {
            return Err(taken_by_host(&name));
        }
        let ugid = known.map(|known| known.ugid).or_else(|| self.take());
        let Some(ugid) = ugid else {
            let text = format!(
                "no user id from 100000 to 999999 is left for system user {name}: accounts, \
                 /etc/subuid and /etc/subgid have them all"
            );
            return Err(Failure::new(Code::NoIds, text).about(format!("system user {name}")));
        };
        Ok(Account::new((pool, user), doc, (name, ugid), self.facts))
    }

    fn take(&mut self) -> Option<u32> {
        let ours = |holder: &Holder| matches!(holder, Holder::Nobody(_));
        while self.next < 1_000_000 {
            let id = self.next;
            match self.claims.either(IdSpan::new(id, 1)?, &ours) {
                None => {
                    self.next = id + 1;
                    return Some(id);
                }
                Some(claim) => self.next = claim.span.last().saturating_add(1),
            }
        }
        None
    }
}

/// The host itself has an account of this name.
pub(crate) fn taken_by_host(name: &str) -> Failure {
    let text = format!("the host has an account {name} that does not belong to osctl");
    Failure::new(Code::Exists, text)
        .about(format!("system user {name}"))
        .next(format!("getent passwd {name}"))
}
