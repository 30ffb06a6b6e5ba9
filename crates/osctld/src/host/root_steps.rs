//! One step of each kind through the engine, on this host: made, found again, taken back.

use std::sync::Arc;
use std::time::Duration;

use os_api::OperationState;
use os_core::layout;
use os_engine::{Engine, Faults, Limits, OperationRequest, Setup};
use os_types::plan::JournalPlace;
use os_types::step::{
    DatasetStep, DirectoryStep, FileStep, IdBlocksStep, PoolActiveStep, PoolImageStep,
    PoolMarkStep, PoolOpenStep, PoolReloadStep, PoolSourceStep, PropertyStep, SystemUserStep,
};
use os_types::{ByteSize, EntityRef, FileSystem, OpId, Plan, PoolPath, Presence, Step};

use super::*;
use crate::news::News;
use crate::scopes::Scopes;

const TO: Presence = Presence::Present;

fn engine(root: &std::path::Path) -> Engine<LinuxHost> {
    std::fs::create_dir(root.join("etc")).unwrap();
    for name in ["passwd", "group", "subuid", "subgid"] {
        std::fs::File::create(root.join("etc").join(name)).unwrap();
    }
    let paths = Paths::new(root);
    let scopes = Arc::new(Scopes::new(paths.clone()));
    let host = LinuxHost::new(paths, Arc::clone(&scopes), News::default()).unwrap();
    let identity = os_engine::Identity {
        boot: host.identity().boot_id.clone(),
        host: host.identity().host_id.clone(),
    };
    Engine::new(Setup {
        host,
        journals: Box::new(Journals(scopes)),
        identity,
        faults: Faults::none(),
        limits: Limits::default(),
    })
}

async fn run(engine: &Engine<LinuxHost>, steps: Vec<Step>) -> os_api::Operation {
    let id = submit(engine, steps, EntityRef::Host);
    engine
        .wait(id.as_str(), Duration::from_mins(1))
        .await
        .unwrap()
}

fn submit(engine: &Engine<LinuxHost>, steps: Vec<Step>, touched: EntityRef) -> OpId {
    let plan = Plan {
        steps,
        touches: vec![touched],
        journal: JournalPlace::Host,
        parallel: Vec::new(),
    };
    let work = OperationRequest {
        command: "by-hand".into(),
        cli: String::new(),
        uid: 0,
        pid: 0,
        touches: plan.touches.clone(),
        deadline: Duration::from_mins(1),
        strength: os_engine::Strength::Normal,
        slot: None,
        undoes: None,
        planner: Arc::new(move || Ok(plan.clone().into())),
    };
    engine.submit(work).unwrap()
}

fn active(pool: &PoolName) -> PoolActiveStep {
    PoolActiveStep {
        pool: pool.clone(),
        keep_users: false,
        to: TO,
    }
}

fn pool_steps(root: &std::path::Path) -> Vec<Step> {
    let pool: PoolName = "tank".parse().unwrap();
    let file = root.join("tank.img");
    let size = ByteSize::mib(256);
    let active = active(&pool);
    let mut steps = vec![
        Step::PoolImage(PoolImageStep {
            pool: pool.clone(),
            file: file.clone(),
            size,
            file_system: Some(FileSystem::Btrfs),
            to: TO,
        }),
        Step::PoolSource(PoolSourceStep {
            pool: pool.clone(),
            before: None,
            after: Some(file),
        }),
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: false,
            to: TO,
        }),
        Step::Property(PropertyStep {
            dataset: "tank".parse().unwrap(),
            name: "org.vpsadminos.osctl:active".into(),
            before: None,
            after: Some("yes".into()),
        }),
        Step::PoolMark(PoolMarkStep { pool, to: TO }),
    ];
    steps.extend(active.steps());
    steps
}

/// What a container is made of before it runs: a dataset, configuration files, ids, a system user.
fn container_steps() -> Vec<Step> {
    let pool: PoolName = "tank".parse().unwrap();
    let user = "schema = 1\nuid_map = [\"0:5000000:65536\"]\n# end\n";
    vec![
        Step::Dataset(DatasetStep {
            dataset: "tank/ct/web".parse().unwrap(),
            to: TO,
        }),
        Step::Directory(DirectoryStep {
            path: PoolPath::new(&pool, "conf/group/a").unwrap(),
            mode: 0o500,
            to: TO,
        }),
        Step::File(FileStep {
            path: PoolPath::new(&pool, "conf/user/web.toml").unwrap(),
            before: None,
            after: Some(user.into()),
        }),
        Step::IdBlocks(IdBlocksStep {
            pool: pool.clone(),
            range: "default".parse().unwrap(),
            index: 3,
            count: 1,
            owner: Some("by hand".into()),
            to: TO,
        }),
        Step::SystemUser(SystemUserStep {
            pool,
            user: "web".parse().unwrap(),
            to: TO,
        }),
    ]
}

fn inverse(steps: &[Step]) -> Vec<Step> {
    steps
        .iter()
        .rev()
        .map(|step| step.inverse().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_made_found_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let (pool, container) = (pool_steps(dir.path()), container_steps());

    for steps in [&pool, &container] {
        let made = run(&engine, steps.clone()).await;
        assert_eq!(made.state, OperationState::Finished, "{made:#?}");
        for step in steps {
            let found = engine.host().check(step).unwrap();
            let settles = matches!(found, StepCheck::Done)
                || matches!(
                    step,
                    Step::PoolOpen(PoolOpenStep { .. }) | Step::PoolImage(PoolImageStep { .. })
                );
            assert!(settles, "{step}: {found:?}");
        }
    }
    let passwd = std::fs::read_to_string(dir.path().join("etc/passwd")).unwrap();
    assert!(passwd.contains("tank-web:x:"), "{passwd}");

    for steps in [&container, &pool] {
        let back = run(&engine, inverse(steps)).await;
        assert_eq!(back.state, OperationState::Finished, "{back:#?}");
    }
    let passwd = std::fs::read_to_string(dir.path().join("etc/passwd")).unwrap();
    assert_eq!(passwd, "");
    assert!(!dir.path().join("tank.img").exists());
}

/// Journals of earlier versions have one step for what are four now.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_taken_into_use_by_the_step_of_earlier_versions() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let mut steps = pool_steps(dir.path());
    steps.truncate(steps.len() - 4);
    steps.push(active(&"tank".parse().unwrap()).into());
    for steps in [steps.clone(), inverse(&steps)] {
        let is_up = steps[0].kind() == "pool-image";
        let ended = run(&engine, steps).await;
        assert_eq!(ended.state, OperationState::Finished, "{ended:#?}");
        assert_eq!(engine.host().state().pools().len(), usize::from(is_up));
        assert_eq!(dir.path().join("run/osctl/pools/tank").exists(), is_up);
    }
}

/// A step that writes the file of a user, as an administrator could by hand.
fn user_file(name: &str) -> Step {
    Step::File(FileStep {
        path: PoolPath::new(&"tank".parse().unwrap(), format!("conf/user/{name}.toml")).unwrap(),
        before: None,
        after: Some("schema = 1\nuid_map = [\"0:5000000:65536\"]\n# end\n".into()),
    })
}

/// The users of the pool in memory.
fn users(engine: &Engine<LinuxHost>) -> Vec<String> {
    let state = engine.host().state();
    let users = state.pools()[0].users().keys();
    users.map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reads_the_files_of_its_pool_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let pool: PoolName = "tank".parse().unwrap();
    let mut steps = pool_steps(dir.path());
    steps.insert(steps.len() - 3, user_file("between"));
    let made = run(&engine, steps.clone()).await;
    assert_eq!(made.state, OperationState::Finished, "{made:#?}");
    assert_eq!(users(&engine), [""; 0]);
    let reload = Step::PoolReload(PoolReloadStep { pool });
    let reloaded = run(&engine, vec![reload]).await;
    assert_eq!(reloaded.state, OperationState::Finished, "{reloaded:#?}");
    assert_eq!(users(&engine), ["between"]);
    let back = run(&engine, inverse(&steps)).await;
    assert_eq!(back.state, OperationState::Finished, "{back:#?}");
}

/// After a failure, and after an operation that ended between the steps of an import.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_uses_nothing_that_an_earlier_operation_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let steps = pool_steps(dir.path());
    let (open, active) = steps.split_at(steps.len() - 4);
    let opened = run(&engine, open.to_vec()).await;
    assert_eq!(opened.state, OperationState::Finished, "{opened:#?}");

    let conflict = Step::File(FileStep {
        path: PoolPath::new(&"tank".parse().unwrap(), layout::POOL_CONFIG).unwrap(),
        before: None,
        after: Some("another text\n".into()),
    });
    let failing = [&active[..2], &[conflict]].concat();
    let failed = run(&engine, failing).await;
    assert_eq!(failed.state, OperationState::Reverted, "{failed:#?}");
    assert!(engine.host().importing().now().is_empty());
    for (steps, name) in [(&active[..1], "first"), (&active[1..], "second")] {
        // Before the operation reads anything.
        let steps = [&[user_file(name)], steps].concat();
        let ended = run(&engine, steps).await;
        assert_eq!(ended.state, OperationState::Finished, "{ended:#?}");
    }
    assert_eq!(users(&engine), ["first", "second"]);
    assert!(engine.host().importing().now().is_empty());
    let back = run(&engine, inverse(&steps)).await;
    assert_eq!(back.state, OperationState::Finished, "{back:#?}");
}

/// What is named after a container cannot be made again, so it stays until nothing can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_is_taken_back_keeps_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let pool: PoolName = "tank".parse().unwrap();
    let remove = |name: &str| {
        Step::File(FileStep {
            path: PoolPath::new(&pool, name).unwrap(),
            before: Some("a file\n".into()),
            after: None,
        })
    };
    let tank = dir.path().join("tank");
    let (conf, log) = (tank.join("conf/ct/web.toml"), tank.join("log/ct/web.log"));
    let texts = ["a file\n", "a log\n", "changed\n"];
    for (file, text) in [&conf, &log, &tank.join("conf/ct/changed.toml")]
        .into_iter()
        .zip(texts)
    {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        atomic::replace(file, text.as_bytes(), Attributes::mode(0o400)).unwrap();
    }

    let steps = vec![remove("conf/ct/web.toml"), remove("conf/ct/changed.toml")];
    let failed = run(&engine, steps).await;
    assert_eq!(failed.state, OperationState::Reverted, "{failed:#?}");
    assert!(conf.exists() && log.exists());

    let removed = run(&engine, vec![remove("conf/ct/web.toml")]).await;
    assert_eq!(removed.state, OperationState::Finished, "{removed:#?}");
    assert!(!conf.exists() && !log.exists());
}

/// Two commands about two pools are planned side by side, so neither plan knows of the other.
#[tokio::test(flavor = "multi_thread")]
async fn two_pools_never_get_one_source() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    for round in 0..20 {
        let file = dir.path().join(format!("{round}.img"));
        let ids = ["one", "two"].map(|name| {
            let pool: PoolName = format!("{name}{round}").parse().unwrap();
            let step = Step::PoolSource(PoolSourceStep {
                pool: pool.clone(),
                before: None,
                after: Some(file.clone()),
            });
            submit(&engine, vec![step], EntityRef::Pool { pool })
        });
        let mut refused = Vec::new();
        for id in ids {
            let time = Duration::from_mins(1);
            let ended = engine.wait(id.as_str(), time).await.unwrap();
            assert!(ended.state.is_final(), "{ended:#?}");
            refused.extend(ended.failure.map(|failure| failure.code));
        }
        assert_eq!(refused, [Code::InUse], "round {round}");
    }
}
