use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use os_sys::{Child, MountTable, SpawnRequest, spawn};

use super::*;
use crate::figures::CpuTime;
use crate::layout::Version;
use crate::open_files::OpenFiles;

const PATIENCE: Duration = Duration::from_secs(10);

/// A parent group of its own on this host, killed and removed at the end.
struct Scratch(Tree);

impl Scratch {
    fn new(layout: Layout) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "osctl-test-{}-{}",
            id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self(Tree::new(layout, &name).unwrap())
    }

    fn host() -> Self {
        Self::new(Layout::detect().unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.0.kill(&CgroupPath::PARENT, PATIENCE).unwrap();
        self.0.remove(&CgroupPath::PARENT, PATIENCE).unwrap();
    }
}

/// For tests of what only hybrid hosts have; elsewhere they are left out by their prefix.
fn legacy_only() -> Layout {
    let layout = Layout::detect().unwrap().without_unified();
    let message = "needs hierarchies of version 1; on a pure version 2 host, --skip hybrid_";
    assert!(!layout.hierarchies().is_empty(), "{message}");
    layout
}

fn path(text: &str) -> CgroupPath {
    text.parse().unwrap()
}

/// Joins the groups whose files the shell was passed.
const JOIN: &str =
    "n=3; while [ -e /proc/$$/fd/$n ]; do echo $$ > /proc/$$/fd/$n; n=$((n+1)); done";

/// Starts a shell script in a group; returns when it is in all of them.
fn start(tree: &Tree, group: &CgroupPath, script: &str) -> Child {
    let mut request = SpawnRequest::new("/bin/sh")
        .arg("-c")
        .arg(format!("{JOIN}\n{script}"))
        .env("PATH", "/bin");
    for file in tree.join_fds(group).unwrap() {
        request = request.pass(file);
    }
    let child = spawn(request).unwrap();
    until("the last group is joined", || {
        let folders = tree.folders(group);
        let pids = files::processes(folders.last().unwrap()).unwrap();
        pids.contains(&child.pid())
    });
    child
}

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let attempt = || Ok::<_, CgroupError>(reached().then_some(()));
    let done = os_sys::patience::until(PATIENCE, attempt).unwrap();
    assert!(done.is_some(), "{what}");
}

#[test]
fn root_groups_come_and_go_in_every_hierarchy() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let group = path("pool.tank/group.default");
    assert_eq!(tree.presence(&group), Presence::Absent);
    let changes = tree.create(&group).unwrap();
    let made = changes
        .iter()
        .filter(|change| matches!(change, Change::Made(_)))
        .count();
    assert_eq!(made, 3 * tree.layout.hierarchies().len());
    assert_eq!(tree.presence(&group), Presence::Present);
    assert_eq!(
        tree.create(&group).unwrap(),
        [],
        "creating again changes nothing"
    );
    // A crash in the middle leaves some hierarchies behind; creating it again repairs that.
    fs::remove_dir(tree.folders(&group).first().unwrap()).unwrap();
    match tree.presence(&group) {
        Presence::Partial { missing } => assert_eq!(missing.len(), 1),
        other => assert_eq!(
            (other, tree.layout.hierarchies().len()),
            (Presence::Absent, 1)
        ),
    }
    tree.create(&group).unwrap();
    assert_eq!(
        tree.remove_parent().unwrap(),
        Vec::<PathBuf>::new(),
        "it has a group"
    );
    let removed = tree.remove(&path("pool.tank"), PATIENCE).unwrap();
    assert_eq!(removed.len(), 2 * tree.layout.hierarchies().len());
    assert_eq!(tree.presence(&group), Presence::Absent);
    assert_eq!(tree.presence(&CgroupPath::PARENT), Presence::Present);
    assert!(
        tree.remove(&path("pool.tank"), PATIENCE)
            .unwrap()
            .is_empty()
    );
    tree.remove_parent().unwrap();
    assert_eq!(tree.presence(&CgroupPath::PARENT), Presence::Absent);
    tree.remove_parent().unwrap();
}

#[test]
fn root_a_process_is_seen_measured_and_killed_with_its_children() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let group = path("ct");
    tree.create(&group).unwrap();
    assert!(!tree.is_populated(&group).unwrap());
    // Children that ignore what can be ignored, in a session that outlives their parent.
    let script = "trap '' TERM HUP INT; for i in 1 2 3; do sh -c 'trap \"\" TERM; sleep 600 & wait' & done; wait";
    let mut child = start(tree, &group, script);
    until("seven processes", || tree.procs(&group).unwrap().len() == 7);
    assert!(tree.procs(&group).unwrap().contains(&child.pid()));
    assert!(
        tree.is_populated(&path("")).unwrap(),
        "the parent is populated by what is below"
    );
    let files = OpenFiles::default();
    let figures = tree.figures(&group, &files).unwrap();
    assert_eq!(figures.tasks, Some(7));
    assert!(figures.memory_bytes.unwrap() > 4096, "{figures:?}");
    assert!(figures.cpu.unwrap().total > Duration::ZERO, "{figures:?}");
    assert!(figures.cpu.unwrap().user.is_some(), "{figures:?}");
    let error = tree.remove(&group, Duration::from_millis(20)).unwrap_err();
    match &error {
        CgroupError::Busy { pids, .. } => assert_eq!(pids.len(), 7),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("by 7 processes"), "{error}");
    tree.kill(&group, PATIENCE).unwrap();
    assert!(!tree.is_populated(&group).unwrap());
    tree.kill(&group, PATIENCE).unwrap();
    assert!(tree.procs(&group).unwrap().is_empty());
    assert!(child.wait(PATIENCE).unwrap().is_some());
    tree.remove(&group, PATIENCE).unwrap();
    assert_eq!(tree.figures(&group, &files).unwrap(), Figures::default());
    // Another group of that name is not taken for the one whose files were read before.
    tree.create(&group).unwrap();
    assert_eq!(tree.figures(&group, &files).unwrap().tasks, Some(0));
    tree.remove(&group, PATIENCE).unwrap();
    tree.join_fds(&group).unwrap_err();
}

#[test]
fn root_hybrid_a_group_that_a_crash_left_without_processors_is_completed() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let (above, group) = (path("pool.tank"), path("pool.tank/group.default"));
    tree.create(&CgroupPath::PARENT).unwrap();
    for folder in tree.folders(&above) {
        fs::create_dir(folder).unwrap();
    }
    let root = tree.layout.legacy(Controller::CpuSet).unwrap();
    let cpus = |group: &CgroupPath| {
        let file = tree.full(group).below(root).join("cpuset.cpus");
        files::read(&file).unwrap().unwrap()
    };
    assert_eq!(cpus(&above).trim(), "");
    tree.create(&group).unwrap();
    assert_ne!(cpus(&above).trim(), "");
    assert_eq!(cpus(&above), cpus(&group));
}

#[test]
fn root_hybrid_without_version_two_a_forking_group_is_frozen_and_killed() {
    let scratch = Scratch::new(legacy_only());
    let tree = &scratch.0;
    let group = path("bomb");
    tree.create(&group).unwrap();
    let script = "while :; do sh -c 'sleep 600 & wait' & sleep 0.002; done";
    let mut child = start(tree, &group, script);
    until("ten processes", || tree.procs(&group).unwrap().len() >= 10);
    tree.kill(&group, PATIENCE).unwrap();
    assert!(tree.procs(&group).unwrap().is_empty());
    assert!(child.wait(PATIENCE).unwrap().is_some());
}

#[test]
fn root_hybrid_a_process_outside_version_two_counts_and_is_killed() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let group = path("half");
    tree.create(&group).unwrap();
    let only_legacy = Tree::new(legacy_only(), tree.parent().as_str()).unwrap();
    let mut child = start(&only_legacy, &group, "exec sleep 600");
    assert!(tree.is_populated(&group).unwrap());
    // Frozen by somebody, as with lxc-freeze: killing thaws it.
    let freezer = tree.layout.legacy(Controller::Freezer).unwrap();
    let state = tree.full(&group).below(freezer).join("freezer.state");
    files::write(&state, "FROZEN").unwrap();
    assert_eq!(tree.procs(&group).unwrap().len(), 1);
    tree.kill(&group, PATIENCE).unwrap();
    assert!(tree.procs(&group).unwrap().is_empty());
    assert!(child.wait(PATIENCE).unwrap().is_some());
    assert!(!tree.is_populated(&group).unwrap());
}

#[test]
fn root_what_one_order_kills_is_removed_at_once() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let (group, below) = (path("once"), path("once/own"));
    tree.create(&below).unwrap();
    let mut child = start(tree, &below, "exec sleep 600");
    assert!(tree.kill_and_remove(&group).unwrap());
    assert_eq!(tree.presence(&group), Presence::Absent);
    assert!(child.wait(PATIENCE).unwrap().is_some());
    assert!(
        tree.kill_and_remove(&group).unwrap(),
        "nothing is left to do"
    );
}

#[test]
fn root_hybrid_what_one_order_does_not_reach_is_left_to_others() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let group = path("rest");
    tree.create(&group).unwrap();
    let only_legacy = Tree::new(legacy_only(), tree.parent().as_str()).unwrap();
    let mut child = start(&only_legacy, &group, "exec sleep 600");
    assert!(!tree.kill_and_remove(&group).unwrap());
    assert!(tree.is_populated(&group).unwrap());
    tree.kill(&group, PATIENCE).unwrap();
    assert!(child.wait(PATIENCE).unwrap().is_some());
    tree.remove(&group, PATIENCE).unwrap();
}

/// As root of a guest freezes what it has in a group of its own.
#[test]
fn root_a_group_that_is_frozen_at_any_level_is_not_joined() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let (group, below) = (path("cold"), path("cold/own"));
    tree.create(&below).unwrap();
    let mut child = start(tree, &below, "exec sleep 600");
    tree.join_fds_of(child.pid()).unwrap();
    let mut files: Vec<PathBuf> = tree
        .layout
        .unified()
        .map(|root| tree.full(&group).below(root).join("cgroup.freeze"))
        .into_iter()
        .collect();
    let freezer = tree.layout.legacy(Controller::Freezer);
    files.extend(freezer.map(|root| tree.full(&below).below(root).join("freezer.state")));
    for file in files {
        let is_legacy = file.ends_with("freezer.state");
        files::write(&file, if is_legacy { "FROZEN" } else { "1" }).unwrap();
        let refused = tree.join_fds_of(child.pid());
        assert!(
            matches!(refused, Err(CgroupError::Frozen { .. })),
            "{}",
            file.display()
        );
        tree.thaw_all(&group, &below, PATIENCE).unwrap();
        tree.join_fds_of(child.pid()).unwrap();
    }
    tree.kill(&group, PATIENCE).unwrap();
    assert!(child.wait(PATIENCE).unwrap().is_some());
}

#[test]
fn root_expected_joins_move_nobody() {
    let scratch = Scratch::host();
    let tree = &scratch.0;
    let group = path("early");
    tree.create(&group).unwrap();
    let before = fs::read_to_string("/proc/self/cgroup").unwrap();
    tree.expect_joins();
    let mut child = start(tree, &group, "exec sleep 600");
    assert_eq!(fs::read_to_string("/proc/self/cgroup").unwrap(), before);
    assert!(tree.procs(&group).unwrap().contains(&child.pid()));
    tree.kill(&group, PATIENCE).unwrap();
    assert!(child.wait(PATIENCE).unwrap().is_some());
}

#[test]
fn the_whole_host_is_never_ours() {
    for bad in ["", "/", "..", "a/../.."] {
        let error = Tree::detect(bad).unwrap_err();
        assert!(
            matches!(error, CgroupError::Parent(_)),
            "{bad:?}: {error:?}"
        );
    }
}

/// A directory that looks like a version 2 host, without what the kernel does by itself.
fn pure(controllers: &str) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "25 1 0:24 / {} rw - cgroup2 cgroup2 rw\n",
        folder.path().display()
    );
    let layout = Layout::from_mounts(&MountTable::parse(line.as_bytes())).unwrap();
    assert_eq!(
        layout.hierarchies().first().unwrap().version,
        Version::Unified
    );
    fs::create_dir(folder.path().join("osctl")).unwrap();
    for group in ["", "osctl"] {
        put(
            &folder.path().join(group).join("cgroup.controllers"),
            controllers,
        );
        put(
            &folder.path().join(group).join("cgroup.subtree_control"),
            "",
        );
    }
    let tree = Tree::new(layout, "osctl").unwrap();
    (folder, tree)
}

fn put(path: &Path, text: &str) {
    use std::io::Write;
    File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn version_two_enables_what_is_available_all_the_way_down() {
    let available = "cpuset cpu io memory hugetlb pids rdma misc\n";
    let (folder, tree) = pure(available);
    let root = folder.path();
    // As after a crash: what is above has not enabled everything.
    put(&root.join("osctl/cgroup.controllers"), "cpu memory\n");
    let changes = tree.create(&path("pool.tank")).unwrap();
    let enabled = |group: PathBuf, controllers: &[Controller]| Change::Enabled {
        group,
        controllers: controllers.to_vec(),
    };
    let all = [
        Controller::CpuSet,
        Controller::Cpu,
        Controller::Io,
        Controller::Memory,
        Controller::Pids,
    ];
    assert_eq!(
        changes,
        [
            enabled(root.to_owned(), &all),
            enabled(root.join("osctl"), &[Controller::Cpu, Controller::Memory]),
            Change::Made(root.join("osctl/pool.tank")),
        ]
    );
    let written = files::read(&root.join("cgroup.subtree_control")).unwrap();
    assert_eq!(written.as_deref(), Some("+cpuset +cpu +io +memory +pids"));
    // What the kernel would show then.
    put(&root.join("osctl/cgroup.controllers"), available);
    for group in ["", "osctl"] {
        put(
            &root.join(group).join("cgroup.subtree_control"),
            "cpuset cpu io memory pids\n",
        );
    }
    assert_eq!(tree.create(&path("pool.tank")).unwrap(), []);
}

#[test]
fn version_two_figures_are_read_by_their_names() {
    let (folder, tree) = pure("");
    let group = folder.path().join("osctl");
    assert_eq!(
        tree.figures(&path(""), &OpenFiles::default()).unwrap(),
        Figures::default()
    );
    put(&group.join("memory.current"), "8192\n");
    put(&group.join("pids.current"), "3\n");
    put(
        &group.join("cpu.stat"),
        "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 0\n",
    );
    let cpu = CpuTime {
        total: Duration::from_micros(1500),
        user: Some(Duration::from_millis(1)),
        system: Some(Duration::from_micros(500)),
    };
    let expected = Figures {
        memory_bytes: Some(8192),
        cpu: Some(cpu),
        tasks: Some(3),
    };
    assert_eq!(
        tree.figures(&path(""), &OpenFiles::default()).unwrap(),
        expected
    );
}

#[test]
fn version_two_is_populated_as_its_events_say() {
    let (folder, tree) = pure("");
    let events = folder.path().join("osctl/cgroup.events");
    for (text, expected) in [
        ("populated 1\nfrozen 0\n", true),
        ("populated 0\nfrozen 0\n", false),
    ] {
        put(&events, text);
        assert_eq!(tree.is_populated(&path("")).unwrap(), expected);
    }
    assert!(!tree.is_populated(&path("absent")).unwrap());
}
