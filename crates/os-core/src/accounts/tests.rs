use super::*;
use crate::facts::ForeignIds;
use crate::state::State;
use crate::testing::{facts, pool_with_users};

fn account(name: &str, ugid: u32) -> Account {
    Account {
        name: name.into(),
        ugid,
        home: format!("/run/osctl/pools/tank/users/{name}").into(),
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
        "tank-alice:x:100000:100000:osctl:/run/osctl/pools/tank/users/tank-alice:/usr/sbin/nologin\n"
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
    facts.accounts.insert(account("tank-bob", 165_537));
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
    assert!(matches!(error, RegisterError::Foreign { .. }), "{error}");
}
