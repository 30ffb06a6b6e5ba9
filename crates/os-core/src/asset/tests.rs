use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use std::path::{Path, PathBuf};

use os_types::{DatasetName, PoolPath};

use super::*;
use crate::facts::ForeignIds;
use crate::testing::{facts, pool_with_users, user_text};
use crate::{Accounts, Registrar};

/// A host where everything is as expected, but for what the test takes away.
#[derive(Default)]
struct Fake {
    files: BTreeMap<PathBuf, Stat>,
    lines: BTreeSet<String>,
    mounts: BTreeMap<PathBuf, Vec<&'static str>>,
    no_datasets: bool,
}

impl Fake {
    fn of(expected: &[Expected]) -> Self {
        let mut fake = Self::default();
        for expected in expected {
            match &expected.want {
                Want::File {
                    kind,
                    path,
                    uid,
                    gid,
                    mode,
                } => {
                    let stat = Stat {
                        kind: *kind,
                        uid: *uid,
                        gid: *gid,
                        mode: mode.unwrap_or(0o755),
                    };
                    fake.files.insert(path.clone(), stat);
                }
                Want::Entry { line, .. } => {
                    fake.lines.insert(line.clone());
                }
                Want::Mount { path, options } => {
                    fake.mounts.insert(path.clone(), options.to_vec());
                }
                Want::Dataset(_) | Want::Cgroup(_) | Want::NoneHeld(_) | Want::Broken { .. } => {}
            }
        }
        fake
    }
}

impl Probe for Fake {
    fn stat(&self, path: &Path) -> Result<Option<Stat>, String> {
        Ok(self.files.get(path).copied())
    }
    fn dataset_exists(&self, _: &DatasetName) -> Result<bool, String> {
        Ok(!self.no_datasets)
    }
    fn missing_options(
        &self,
        path: &Path,
        options: &[&'static str],
    ) -> Result<Option<Vec<&'static str>>, String> {
        let has = self.mounts.get(path);
        Ok(has.map(|has| {
            options
                .iter()
                .filter(|o| !has.contains(o))
                .copied()
                .collect()
        }))
    }
    fn has_line(&self, _: &Path, line: &str) -> Result<bool, String> {
        Ok(self.lines.contains(line))
    }
    fn held_processes(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }
    fn cgroup_exists(&self, _: &str) -> Result<bool, String> {
        Err("no control groups here".to_owned())
    }
}

/// A pool with alice, registered, and bob, not registered.
fn world() -> (State, Facts) {
    let (pool, alice, _) = pool_with_users("tank", ["alice", "bob"]);
    let mut state = State::new();
    state.insert(pool);
    let mut facts = facts();
    let account = Registrar::new(&state, &facts)
        .account(&"tank".parse().unwrap(), &alice)
        .unwrap();
    Arc::make_mut(&mut facts.view.accounts).insert(account);
    (state, facts)
}

fn apply(state: &mut State, relative: &str, text: &str) {
    let path = PoolPath::new(&"tank".parse().unwrap(), relative).unwrap();
    state.apply_file(&path, Some(text));
}

fn invalid(state: &State, facts: &Facts, probe: &Fake) -> Vec<(String, String, Option<String>)> {
    let everything = AssetsQuery::default();
    let assets = query(state, facts, &everything, probe).unwrap();
    let bad = assets
        .into_iter()
        .filter(|asset| asset.state == AssetState::Invalid);
    bad.map(|asset| (asset.path, asset.errors.join("; "), asset.next))
        .collect()
}

#[test]
fn a_healthy_host_lacks_nothing_but_who_is_not_registered() {
    let (state, facts) = world();
    let fake = Fake::of(&select(&state, &facts, |_| true));
    assert_eq!(
        invalid(&state, &facts, &fake),
        [(
            "/etc/passwd: tank-bob".to_owned(),
            "it is not registered, so nothing of it can run".to_owned(),
            Some("osctl user register tank:bob".to_owned())
        )]
    );
}

#[test]
fn differences_are_named_with_the_next_command() {
    let (state, mut facts) = world();
    let mut fake = Fake::of(&select(&state, &facts, |_| true));
    fake.lines.remove("tank-alice:2000000:65536");
    fake.files
        .remove(Path::new("/tank/conf/id-range/default.toml"));
    let folder = fake.files.get_mut(Path::new("/tank/conf")).unwrap();
    (folder.mode, folder.uid) = (0o755, 5);
    let socket = fake
        .files
        .get_mut(Path::new("/run/osctl/osctld.sock"))
        .unwrap();
    socket.kind = FileKind::File;
    fake.mounts.insert("/tank".into(), vec!["nosuid"]);
    fake.no_datasets = true;
    facts.view.accounts = Accounts::parse(&facts.accounts.render()).into();
    let lines: Vec<_> = invalid(&state, &facts, &fake)
        .into_iter()
        .map(|(path, error, _)| format!("{path}: {error}"))
        .collect();
    assert_eq!(
        lines,
        [
            "/run/osctl/osctld.sock: it is a file, not a socket",
            "tank: it does not exist",
            "/tank: it is mounted without nodev",
            "/tank/conf: its owner is 5:0, not 0:0; its mode is 0755, not 0500",
            "/tank/conf/id-range/default.toml: it does not exist",
            "/etc/subuid: tank-alice:2000000:65536: the line is missing or another one",
            "/etc/subgid: tank-alice:2000000:65536: the line is missing or another one",
            "/etc/passwd: tank-bob: it is not registered, so nothing of it can run",
        ]
    );
}

#[test]
fn what_is_damaged_or_stands_back_is_invalid() {
    let (mut state, facts) = world();
    apply(&mut state, "conf/user/bob.toml", "schema = 1\nx = 2\n");
    apply(&mut state, "conf/user/carol.toml", &user_text(2_000_000));
    apply(
        &mut state,
        "conf/group/x/y/config.toml",
        "schema = 1\n# end\n",
    );
    let fake = Fake::of(&select(&state, &facts, |_| true));
    let found = invalid(&state, &facts, &fake);
    let paths: Vec<_> = found.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/tank/conf/user/bob.toml",
            "id maps 0:2000000:65536 0:2000000:65536",
            "/tank/conf/group/x/config.toml"
        ]
    );
    assert!(
        found[0].1.contains("bob.toml:2: user: unknown field"),
        "{found:?}"
    );
    assert_eq!(found[0].2.as_deref(), Some("osctl pool reload tank"));
    assert!(
        found[1].1.contains("belong to user tank:alice"),
        "{found:?}"
    );
    assert_eq!(
        found[2].2.as_deref(),
        Some("osctl group new --parents tank:/x")
    );
}

#[test]
fn a_query_selects() {
    let (mut state, facts) = world();
    let fake = Fake::of(&select(&state, &facts, |_| true));
    let count = |query: &AssetsQuery, state: &State| {
        super::query(state, &facts, query, &fake).map(|assets| assets.len())
    };
    let users = AssetsQuery {
        kind: Some(AssetsOf::User),
        ..AssetsQuery::default()
    };
    // alice: file, home, four lines; bob: file and what is missing.
    assert_eq!(count(&users, &state), Ok(8));
    let named = |name: &str| AssetsQuery {
        name: Some(name.into()),
        ..users.clone()
    };
    assert_eq!(count(&named("alice"), &state), Ok(6));
    assert_eq!(count(&named("tank:alice"), &state), Ok(6));
    assert_eq!(
        count(&named("dozer:alice"), &state).unwrap_err().code,
        Code::NotFound
    );
    let bad = AssetsQuery {
        invalid: true,
        ..users.clone()
    };
    assert_eq!(count(&bad, &state), Ok(1));
    let pool = AssetsQuery {
        pool: Some("nope".parse().unwrap()),
        ..AssetsQuery::default()
    };
    assert_eq!(count(&pool, &state).unwrap_err().code, Code::NotFound);
    // Nothing can be said of control groups here, which is not the same as something wrong.
    let groups = AssetsQuery {
        kind: Some(AssetsOf::Group),
        ..AssetsQuery::default()
    };
    let assets = query(&state, &facts, &groups, &fake).unwrap();
    assert!(
        assets
            .iter()
            .any(|asset| asset.state == AssetState::Unknown)
    );
    state.set_foreign(ForeignIds::parse("", "", "x:2000000:1\n", "").into());
    assert_eq!(count(&named("alice"), &state), Ok(2));
}

#[test]
fn the_file_system_is_looked_at() {
    #![expect(
        clippy::disallowed_methods,
        reason = "the test makes a file to look at"
    )]
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    assert_eq!(probe::stat(&file), Ok(None));
    assert_eq!(probe::lines(&file), Ok(Vec::new()));
    std::fs::write(&file, "one\ntwo\n").unwrap();
    assert_eq!(probe::stat(&file).unwrap().unwrap().kind, FileKind::File);
    assert_eq!(probe::lines(&file).unwrap(), ["one", "two"]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o710);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    let found = probe::stat(folder.path()).unwrap().unwrap();
    assert_eq!((found.kind, found.mode), (FileKind::Directory, 0o710));
}
