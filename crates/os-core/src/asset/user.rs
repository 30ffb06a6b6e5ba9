//! What a user expects: its file, its ids for itself, and its system user.

use os_api::view::AssetKind;
use os_types::{EntityRef, UserName};

use super::{Expected, FileKind, Want};
use crate::accounts::{Account, system_user};
use crate::claim;
use crate::facts::Facts;
use crate::layout;
use crate::state::{Entry, PoolState, State};

pub(super) fn expected(
    state: &State,
    facts: &Facts,
    pool: &PoolState,
    name: &UserName,
    entity: &EntityRef,
) -> Vec<Expected> {
    let on = pool.name();
    let entry = pool.users().get(name);
    let failure = entry.and_then(Entry::failure);
    let mut all = vec![Expected::config(entity, pool.folder(), failure)];
    let Some(doc) = entry.and_then(Entry::doc) else {
        let text = entry.and_then(Entry::text).unwrap_or_default();
        let known = state.remembered().pools.get(on);
        if known.is_none_or(|known| !known.users.contains_key(name)) && !claim::shows_ids(text) {
            let want = Want::Broken {
                kind: AssetKind::Entry,
                path: "id maps".to_owned(),
                reason:
                    "its file does not show them and this host does not remember them, so nothing \
                         keeps others from getting its ids"
                        .to_owned(),
            };
            all.push(Expected::new(entity, "ids of its own", want));
        }
        return all;
    };
    if let Some(failure) = state.disabled(on, name) {
        let maps = doc.uid_map.entries().iter().chain(doc.gid_map().entries());
        let maps: Vec<_> = maps.map(ToString::to_string).collect();
        let want = Want::Broken {
            kind: AssetKind::Entry,
            path: format!("id maps {}", maps.join(" ")),
            reason: failure.message.clone(),
        };
        let ids = Expected::new(entity, "ids of its own", want);
        // Nothing else is expected of a user that is disabled because of its ids.
        all.push(ids.or(format!("osctl user del {on}:{name}")));
        return all;
    }
    let account = facts.account(on, name);
    if let Some(known) = account {
        let account = Account::new((on, name), doc, (known.name.clone(), known.ugid), facts);
        let label = format!("{on}:{name}");
        all.extend(registered(&account, entity, facts, &label));
    } else {
        let want = Want::Broken {
            kind: AssetKind::Entry,
            path: format!(
                "{}: {}",
                facts.etc("passwd").display(),
                system_user(on, name)
            ),
            reason: "it is not registered, so nothing of it can run".to_owned(),
        };
        let next = format!("osctl user register {on}:{name}");
        all.push(Expected::new(entity, "system user", want).or(next));
    }
    all
}

fn registered(account: &Account, entity: &EntityRef, facts: &Facts, label: &str) -> Vec<Expected> {
    let home = Want::File {
        kind: FileKind::Directory,
        path: account.home.clone(),
        uid: 0,
        gid: account.ugid,
        mode: Some(layout::HOME_MODE),
    };
    let again = format!("osctl user unregister {label} && osctl user register {label}");
    let mut all = vec![Expected::new(entity, "home of its system user", home).or(again)];
    let lines = account.lines();
    for (file, text, description) in [
        ("passwd", lines.passwd, "system user"),
        ("group", lines.group, "group of its system user"),
        ("subuid", lines.subuid, "user ids it may map"),
        ("subgid", lines.subgid, "group ids it may map"),
    ] {
        for line in text.lines() {
            let want = Want::Entry {
                file: facts.etc(file),
                line: line.to_owned(),
            };
            all.push(Expected::new(entity, description, want).or("osctl activate"));
        }
    }
    all
}
