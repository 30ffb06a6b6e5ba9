use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::facts::ForeignIds;
use crate::state::State;
use crate::testing::{facts, pool_with_users};

fn account(name: &str, ugid: u32) -> Account {
    Account {
        name: name.into(),
        ugid,
        home: format!(
            "/run/osctl/pools/tank/users/{}",
            name.trim_start_matches("tank-")
        )
        .into(),
        uids: vec![IdSpan::new(1_000_000, 65_536).unwrap()],
        gids: vec![
            IdSpan::new(1_000_000, 10).unwrap(),
            IdSpan::new(2_000_000, 5).unwrap(),
        ],
    }
}

#[test]
fn lines_of_an_account() {
    let lines = account("tank-alice", 100_000).lines();
    assert_eq!(
        lines.passwd,
        "tank-alice:x:100000:100000:osctl:/run/osctl/pools/tank/users/alice:/usr/sbin/nologin\n"
    );
    assert_eq!(lines.group, "tank-alice:x:100000:\n");
    assert_eq!(lines.subuid, "tank-alice:1000000:65536\n");
    assert_eq!(
        lines.subgid,
        "tank-alice:1000000:10\ntank-alice:2000000:5\n"
    );
}

#[test]
fn blocks_read_back() {
    let mut accounts = Accounts::default();
    accounts.insert(account("tank-bob", 100_001));
    accounts.insert(account("tank-alice", 100_000));
    let lines = accounts.render();
    assert!(lines.group.starts_with("tank-alice:"));
    assert_eq!(Accounts::parse(&lines), accounts);
    let mut broken = lines;
    broken.passwd.push_str("nonsense\n::::::\n");
    assert_eq!(Accounts::parse(&broken), accounts);
}

#[test]
fn ids_skip_what_others_have() {
    let (pool, first, second) = pool_with_users("tank", ["alice", "bob"]);
    let mut state = State::new();
    state.insert(pool);
    let mut facts = facts();
    let mut registrar = Registrar::new(&state, &facts);
    let name = "tank".parse().unwrap();
    assert_eq!(registrar.account(&name, &first).unwrap().ugid, 100_000);
    assert_eq!(registrar.account(&name, &second).unwrap().ugid, 100_001);

    let foreign = ForeignIds::parse("x:x:100000:1::/:\n", "", "a:100001:65536\n", "");
    facts.foreign = foreign.into();
    Arc::make_mut(&mut facts.view.accounts).insert(account("tank-bob", 165_537));
    let mut registrar = Registrar::new(&state, &facts);
    assert_eq!(registrar.account(&name, &first).unwrap().ugid, 165_538);
    assert_eq!(registrar.account(&name, &second).unwrap().ugid, 165_537);

    let full = ForeignIds::parse("", "", "a:100000:65536\nb:165536:65536\n", "");
    facts.foreign = full.into();
    let mut registrar = Registrar::new(&state, &facts);
    assert_eq!(registrar.account(&name, &first).unwrap().ugid, 231_072);
}

#[test]
fn an_account_of_the_host_is_never_taken_over() {
    let (pool, alice, _) = pool_with_users("tank", ["alice", "bob"]);
    let mut state = State::new();
    state.insert(pool);
    let mut facts = facts();
    facts.foreign = ForeignIds::parse("tank-alice:x:5:5::/:\n", "", "", "").into();
    let error = Registrar::new(&state, &facts)
        .account(&"tank".parse().unwrap(), &alice)
        .unwrap_err();
    assert_eq!(error.code, os_types::Code::Exists, "{error}");
}

/// The names of accounts that were given before names had a second form stay.
#[test]
fn an_account_is_found_by_its_home_and_keeps_its_name() {
    let (pool, alice, _) = pool_with_users("tank", ["alice", "bob"]);
    let mut state = State::new();
    state.insert(pool);
    let mut facts = facts();
    let mut old = account("tank-alice", 100_007);
    old.name = "tank.alice".into();
    Arc::make_mut(&mut facts.view.accounts).insert(old);
    let name = "tank".parse().unwrap();
    let account = Registrar::new(&state, &facts)
        .account(&name, &alice)
        .unwrap();
    assert_eq!(
        (account.name.as_str(), account.ugid),
        ("tank.alice", 100_007)
    );
}

proptest! {
    #[test]
    fn names_of_system_users_are_short_and_never_meet(
        pools in prop::collection::vec("[A-Za-z][A-Za-z0-9_.-]{0,25}", 2),
        users in prop::collection::vec("[a-z0-9_][a-z0-9_-]{0,99}", 2),
        cut in 0_usize..20,
    ) {
        // Mostly equal text, divided at other places into pool and user.
        let text = format!("{}-{}", pools[0], users[0]);
        let (left, right) = text.split_at(cut.min(text.len()));
        let divided = format!("{left}x").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let pairs = [
            (pools[0].clone(), users[0].clone()),
            (pools[1].clone(), users[1].clone()),
            (divided, right.trim_start_matches('-').to_lowercase()),
        ];
        let named = pairs.iter().filter_map(|(pool, user)| {
            let (pool, user) = (pool.parse().ok()?, user.parse().ok()?);
            let name = system_user(&pool, &user);
            Some((name, (pool, user)))
        });
        let mut seen = BTreeMap::new();
        for (name, pair) in named {
            prop_assert!(name.len() <= 32, "{name}");
            let other = seen.insert(name, pair.clone());
            prop_assert!(other.is_none_or(|other| other == pair));
        }
    }
}

#[test]
fn forms_of_the_name_of_a_system_user() {
    let name = |pool: &str, user: &str| system_user(&pool.parse().unwrap(), &user.parse().unwrap());
    assert_eq!(name("tank", "alice"), "tank-alice");
    assert_eq!(name("tank", &"w".repeat(27)).len(), 32);
    let long = name("tank", &"w".repeat(28));
    assert_eq!(long, "tank-wwwwwwwwwwwwww.6cac9b094d4d");
    assert_ne!(name("a-b", "c"), name("a", "b-c"));
}
