//! Making the account of a user: may it have one, and under which id.

use os_types::{Code, EntityRef, Explain, Failure, IdSpan, PoolName, UserName};

use super::{Account, system_user};
use crate::claim::{Claims, Holder};
use crate::facts::Facts;
use crate::state::{LookupError, State};

/// Why a user gets no system user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// There is no such user.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The user cannot be used.
    #[error("user {user} is disabled")]
    Disabled {
        /// The user.
        user: String,
        /// Why.
        #[source]
        failure: Failure,
    },
    /// The host has an account of that name.
    #[error("the host has an account {name} that is none of ours")]
    Foreign {
        /// The name.
        name: String,
    },
    /// No id is left.
    #[error(
        "no user id from 100000 to 999999 is left for system user {name}: accounts, /etc/subuid \
         and /etc/subgid have them all"
    )]
    NoUgid {
        /// The name of the system user.
        name: String,
    },
}

impl Explain for RegisterError {
    fn code(&self) -> Code {
        match self {
            Self::Lookup(error) => error.code(),
            Self::Disabled { failure, .. } => failure.code,
            Self::Foreign { .. } => Code::Exists,
            Self::NoUgid { .. } => Code::NoIds,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Lookup(error) => error.object(),
            Self::Disabled { user, .. } => Some(format!("user {user}")),
            Self::Foreign { name } | Self::NoUgid { name } => Some(format!("system user {name}")),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Lookup(error) => error.next(),
            Self::Disabled { failure, .. } => failure.next.clone(),
            Self::Foreign { name } => Some(format!("getent passwd {name}")),
            Self::NoUgid { .. } => None,
        }
    }
}

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

    /// The account that a user is to have: with the id it has already, or the next that nobody has.
    ///
    /// *Shape*: ids from 100000 to 199999. On a host where that is full, as on one whose people
    /// have delegations of 65536 ids each from 100000 on (the default of `useradd(8)`), up to
    /// 999999.
    ///
    /// # Errors
    /// When the user is disabled, the host has such an account itself, or no id is left.
    pub fn account(&mut self, pool: &PoolName, user: &UserName) -> Result<Account, RegisterError> {
        let entry = self.state.find(Some(pool), user)?.entry;
        let doc = entry.doc();
        let failure = self.state.failure(pool, user);
        let (Some(doc), None) = (doc, failure) else {
            let failure = failure.cloned();
            return Err(RegisterError::Disabled {
                user: format!("{pool}:{user}"),
                failure: failure.unwrap_or_else(|| damaged(pool, user)),
            });
        };
        let known = self.facts.account(pool, user);
        let name = known.map_or_else(|| system_user(pool, user), |known| known.name.clone());
        if self.facts.foreign.has_account(&name) {
            return Err(RegisterError::Foreign { name });
        }
        let ugid = known.map(|known| known.ugid).or_else(|| self.take());
        let Some(ugid) = ugid else {
            return Err(RegisterError::NoUgid { name });
        };
        Ok(Account::new((pool, user), doc, (name, ugid), self.facts))
    }

    fn take(&mut self) -> Option<u32> {
        let ours = |holder: &Holder| matches!(holder, Holder::Reserved(_));
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

fn damaged(pool: &PoolName, user: &UserName) -> Failure {
    let entity = EntityRef::User {
        pool: pool.clone(),
        name: user.clone(),
    };
    Failure::new(Code::Damaged, "its file cannot be read").about(entity)
}
