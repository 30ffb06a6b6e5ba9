//! A user as the API shows it.

use os_api::view::{Attrs, Health, User};
use os_types::{IdMap, UserName};

use crate::accounts::system_user;
use crate::document::UserDoc;
use crate::facts::ViewFacts;
use crate::state::{PoolState, State};

/// The user `name` of a pool; `None` if there is none.
pub fn user(state: &State, facts: &ViewFacts, pool: &PoolState, name: &UserName) -> Option<User> {
    let entry = pool.users().get(name)?;
    let doc = entry.doc();
    let on = pool.name();
    let failure = entry.failure().or_else(|| state.disabled(on, name));
    let account = facts.account(on, name);
    let username = account.map_or_else(|| system_user(on, name), |account| account.name.clone());
    let map =
        |map: fn(&UserDoc) -> &IdMap| doc.map_or_else(Vec::new, |doc| map(doc).entries().to_vec());
    Some(User {
        pool: on.clone(),
        name: name.clone(),
        groupname: username.clone(),
        username,
        ugid: account.map(|account| account.ugid),
        homedir: account.map_or_else(|| facts.home(on, name), |account| account.home.clone()),
        registered: account.is_some(),
        standalone: doc.is_none_or(|doc| doc.standalone),
        uid_map: map(|doc| &doc.uid_map),
        gid_map: map(UserDoc::gid_map),
        health: Health::of(failure),
        failure: failure.cloned(),
        attrs: doc.map_or_else(Attrs::new, |doc| doc.attrs.clone()),
    })
}
