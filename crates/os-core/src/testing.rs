//! Things that several unit tests start from.

use os_types::UserName;
use os_types::step::FileStep;

use crate::document::{self, UserDoc};
use crate::facts::{Facts, ViewFacts};
use crate::layout;
use crate::state::PoolState;

/// A host with nothing on it.
pub(crate) fn facts() -> Facts {
    Facts {
        view: ViewFacts {
            root: "/".into(),
            run_dir: "/run/osctl".into(),
            state_dir: "/var/lib/osctl".into(),
            etc_dir: "/etc".into(),
            cgroup_parent: "osctl".into(),
            ..ViewFacts::default()
        },
        ..Facts::default()
    }
}

/// A pool with its default documents.
pub(crate) fn pool(name: &str) -> PoolState {
    let mut pool = PoolState::new(&name.parse().unwrap(), format!("/{name}"));
    for step in layout::missing_defaults(&pool) {
        if let os_types::Step::File(FileStep { path, after, .. }) = step {
            pool.apply_file(path.relative(), after.as_deref());
        }
    }
    pool
}

/// The text of a user with `0:<host>:65536`.
pub(crate) fn user_text(host: u32) -> String {
    let entry = os_types::IdMapEntry::new(0, host, 65_536).unwrap();
    let map: os_types::IdMap = vec![entry].try_into().unwrap();
    document::text(&UserDoc::new(map.clone(), map))
}

/// A pool with two users.
pub(crate) fn pool_with_users(name: &str, users: [&str; 2]) -> (PoolState, UserName, UserName) {
    let mut pool = pool(name);
    let [first, second] = users.map(|user| user.parse::<UserName>().unwrap());
    for (index, user) in (0..).zip([&first, &second]) {
        let text = user_text(2_000_000 + index * 65_536);
        pool.apply_file(&format!("conf/user/{user}.toml"), Some(&text));
    }
    (pool, first, second)
}
