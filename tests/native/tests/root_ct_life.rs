//! The life of a container: made, started, used, stopped, deleted.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};
use native::{NO_IMAGE, wait_for, with_pool};
use os_testkit::{Ran, image, sandbox};
use serde_json::json;

#[test]
fn from_new_to_gone() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let shown = web.show()?;
    assert_eq!(shown["state"], "stopped");
    assert_eq!(shown["distribution"], "busybox");
    assert_eq!(shown["init_pid"], json!(null));
    web.start()?;
    assert_eq!(web.state()?, "running");
    assert_eq!(web.sh("echo hello from $(id -u)")?, "hello from 0\n");
    let list = sandbox.ok(&["ct", "ls", "-H", "-o", "id,state"])?;
    assert_eq!(
        list.split_whitespace().collect::<Vec<_>>(),
        ["web", "running"]
    );
    sandbox.ok(&["ct", "stop", "web"])?;
    assert_eq!(web.state()?, "stopped");
    sandbox.ok(&["ct", "del", "web"])?;
    assert_eq!(sandbox.json(&["ct", "ls"])?, json!([]));
    let trash = fs::read_dir(sandbox.path("tank/trash"))?.count();
    assert_eq!(trash, 1, "its root waits in the trash");
    sandbox.finish(daemon)
}

#[test]
fn a_user_of_its_own_goes_with_the_last_container() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    let user = sandbox.json(&["user", "show", "web"])?;
    assert_eq!(user["standalone"], false);
    assert_eq!(user["registered"], true);
    sandbox.new_container("second", &["--user", "web"])?;
    sandbox.ok(&["ct", "del", "web"])?;
    sandbox.ok(&["user", "show", "web"])?;
    sandbox.ok(&["ct", "del", "second"])?;
    let ran = sandbox.osctl(&["user", "show", "web"])?;
    assert_eq!(ran.code, 3, "{ran:?}");
    let passwd = fs::read_to_string(sandbox.path("etc/passwd"))?;
    ensure!(!passwd.contains("tank-web"), "{passwd}");
    let table = sandbox.ok(&["id-range", "table", "ls", "default", "allocated"])?;
    ensure!(!table.contains("user:web"), "its ids are free: {table}");
    sandbox.finish(daemon)
}

#[test]
fn an_existing_user_stays() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let web = sandbox.new_container("web", &["--user", "alice"])?;
    assert_eq!(web.show()?["user"], "alice");
    sandbox.ok(&["ct", "del", "web"])?;
    sandbox.ok(&["user", "show", "alice"])?;
    let ran = sandbox.osctl(&["user", "del", "alice"])?;
    assert_eq!(ran.code, 0, "{ran:?}");
    sandbox.finish(daemon)
}

#[test]
fn an_empty_root_is_filled_by_hand() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let model = sandbox.new_container("model", &[])?;
    sandbox.ok(&[&["ct", "new"], NO_IMAGE, &["empty"]].concat())?;
    let empty = sandbox.known_container("empty");
    let shown = empty.show()?;
    assert_eq!(shown["image"], json!(null));
    let root = shown["rootfs"].as_str().context("it has a root")?;
    assert_eq!(fs::read_dir(root)?.count(), 0);
    let ran = sandbox.osctl(&["ct", "start", "empty"])?;
    ensure!(ran.code != 0 && ran.stderr.contains("E-START"), "{ran:?}");
    assert_eq!(empty.state()?, "stopped");

    let from = model.show()?["rootfs"].as_str().context("root")?.to_owned();
    #[expect(clippy::disallowed_methods, reason = "what an administrator does")]
    let mut copy = std::process::Command::new("cp");
    let copied = Ran::of(copy.arg("-a").arg(format!("{from}/.")).arg(root))?;
    assert_eq!(copied.code, 0, "{copied:?}");
    empty.start()?;
    assert_eq!(empty.sh("id -u")?, "0\n");
    sandbox.finish(daemon)
}

#[test]
fn an_image_of_a_local_repository() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let repository = sandbox.path("repository");
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut deploy = std::process::Command::new(sandbox::program_path("osctl-image")?);
    deploy.args(["deploy", "--tag", "stable"]);
    let deployed = Ran::of(deploy.arg(image::busybox()?).arg(&repository))?;
    assert_eq!(deployed.code, 0, "{deployed:?}");
    let place = repository.to_str().context("a path of text")?;
    let new = [
        "ct",
        "new",
        "--repository",
        place,
        "--distribution",
        "busybox",
    ];
    sandbox.ok(&[&new[..], &["tagged"]].concat())?;
    sandbox.ok(&[&new[..], &["--version", "1", "versioned"]].concat())?;
    let tagged = sandbox.known_container("tagged").show()?;
    let versioned = sandbox.known_container("versioned").show()?;
    assert_eq!(tagged["image"], versioned["image"]);
    assert_eq!(tagged["version"], "1", "a tag is no version");
    let ran = sandbox.osctl(&[&new[..], &["--version", "99", "none"]].concat())?;
    ensure!(ran.code != 0 && ran.stderr.contains("99"), "{ran:?}");
    sandbox.ok(&["ct", "start", "tagged"])?;
    assert_eq!(sandbox.known_container("tagged").sh("echo up")?, "up\n");
    sandbox.finish(daemon)
}

#[test]
fn images_are_unpacked_once() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let one = sandbox.new_container("one", &[])?.show()?;
    let cached = || fs::read_dir(sandbox.path("tank/image")).map(Iterator::count);
    assert_eq!(cached()?, 1);
    let digest = one["image"].as_str().context("an image")?;
    let made = fs::metadata(sandbox.path(&format!("tank/image/{digest}")))?.ino();
    let two = sandbox.new_container("two", &[])?.show()?;
    assert_eq!(one["image"], two["image"]);
    assert_eq!(cached()?, 1);
    let still = fs::metadata(sandbox.path(&format!("tank/image/{digest}")))?.ino();
    assert_eq!(made, still);
    sandbox.finish(daemon)
}

#[test]
fn restarted_it_is_another_init() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("touch /root/kept; touch /run/lost")?;
    let before = web.init_pid()?;
    sandbox.ok(&["ct", "restart", "web"])?;
    ensure!(web.init_pid()? != before, "it is the same init");
    assert_eq!(
        web.sh("ls /root/kept; ls /run/lost 2>&1 || true")?
            .lines()
            .next(),
        Some("/root/kept")
    );
    sandbox.ok(&["ct", "stop", "web"])?;
    sandbox.ok(&["ct", "restart", "web"])?;
    assert_eq!(web.state()?, "running", "a stopped one is started");
    sandbox.finish(daemon)
}

#[test]
fn frozen_it_stands_still() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh(
        "i=0; while :; do i=$((i+1)); echo $i > /root/count; usleep 1000; done >/dev/null 2>&1 &",
    )?;
    let file = format!(
        "{}/root/count",
        web.show()?["rootfs"].as_str().context("root")?
    );
    let count = || -> Result<Option<u64>> {
        Ok(fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.trim().parse().ok()))
    };
    let counting = |from: u64| wait_for("the count", || Ok(count()?.filter(|now| *now > from)));
    counting(0)?;
    sandbox.ok(&["ct", "freeze", "web"])?;
    assert_eq!(web.state()?, "frozen");
    let ran = web.exec(&["true"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("osctl ct unfreeze"),
        "{ran:?}"
    );
    let stood = fs::read_to_string(&file)?;
    sandbox.ok(&["ct", "freeze", "web"])?;
    sandbox.ok(&["healthcheck"])?;
    assert_eq!(fs::read_to_string(&file)?, stood, "it goes on");
    sandbox.ok(&["ct", "unfreeze", "web"])?;
    assert_eq!(web.state()?, "running");
    counting(stood.trim().parse().unwrap_or(0))?;
    sandbox.finish(daemon)
}

#[test]
fn renamed_it_keeps_everything() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("echo mine > /root/file")?;
    let ran = sandbox.osctl(&["ct", "rename", "web", "shop"])?;
    ensure!(
        ran.code == 4 && ran.stderr.contains("osctl ct stop"),
        "{ran:?}"
    );
    web.kill()?;
    sandbox.ok(&["ct", "rename", "web", "shop"])?;
    assert_eq!(sandbox.osctl(&["ct", "show", "web"])?.code, 3);
    let shop = sandbox.known_container("shop");
    assert_eq!(shop.show()?["dataset"], "tank/ct/shop");
    shop.start()?;
    assert_eq!(shop.sh("cat /root/file")?, "mine\n");
    sandbox.finish(daemon)
}

#[test]
fn another_user_is_a_change_of_configuration_only() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for user in ["alice", "bob"] {
        sandbox.ok(&["user", "new", user])?;
    }
    let web = sandbox.new_container("web", &["--user", "alice"])?;
    web.start()?;
    web.sh("echo x > /root/file; chown 100:200 /root/file")?;
    let first = native::process::status(web.init_pid()?, "Uid")?;
    web.kill()?;
    let file = format!(
        "{}/root/file",
        web.show()?["rootfs"].as_str().context("root")?
    );
    let owners =
        |path: &str| fs::metadata(path).map(|found| (found.uid(), found.gid(), found.ctime_nsec()));
    let before = owners(&file)?;
    assert_eq!(
        (before.0, before.1),
        (100, 200),
        "ids on disk are those of the guest"
    );
    sandbox.ok(&["ct", "chown", "web", "bob"])?;
    assert_eq!(owners(&file)?, before);
    web.start()?;
    let second = native::process::status(web.init_pid()?, "Uid")?;
    ensure!(first != second, "{first:?} {second:?}");
    assert_eq!(web.sh("stat -c %u:%g /root/file /root")?, "100:200\n0:0\n");
    sandbox.finish(daemon)
}

#[test]
fn another_group_is_another_control_group() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["group", "new", "/customers"])?;
    let web = sandbox.container("web")?;
    let inside = |group: &str| -> Result<bool> {
        let path = format!("/pool.tank/group.{group}/user.web/ct.web/");
        Ok(native::process::groups(web.init_pid()?)?
            .iter()
            .any(|found| found.contains(&path)))
    };
    ensure!(inside("default")?);
    let ran = sandbox.osctl(&["ct", "chgrp", "web", "/customers"])?;
    ensure!(ran.code == 4, "{ran:?}");
    web.kill()?;
    sandbox.ok(&["ct", "chgrp", "web", "/customers"])?;
    web.start()?;
    ensure!(inside("customers")?);
    sandbox.finish(daemon)
}

#[test]
fn an_ephemeral_one_goes_when_it_stops() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for (name, halt) in [("asked", false), ("halted", true)] {
        let ct = sandbox.new_container(name, &[])?;
        sandbox.ok(&["ct", "set", "ephemeral", name])?;
        ct.start()?;
        if halt {
            ct.sh("poweroff")?;
        } else {
            sandbox.ok(&["ct", "stop", name])?;
        }
        wait_for("its end", || {
            let gone = sandbox.osctl(&["ct", "show", name])?.code == 3;
            let user_gone = sandbox.osctl(&["user", "show", name])?.code == 3;
            Ok((gone && user_gone).then_some(()))
        })?;
    }
    sandbox.finish(daemon)
}

#[test]
fn halted_from_inside_it_is_stopped() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("poweroff")?;
    web.wait_for("stopped")?;
    web.start()?;
    assert_eq!(web.sh("echo again")?, "again\n");
    sandbox.finish(daemon)
}

#[test]
fn rebooted_from_inside_it_comes_back() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for _ in 0..2 {
        let before = web.init_pid()?;
        web.sh("reboot")?;
        web.wait_until("rebooted", |shown| {
            Ok(shown["state"] == "running" && shown["init_pid"] != before)
        })?;
        assert_eq!(web.sh("echo again")?, "again\n");
    }
    sandbox.finish(daemon)
}

#[test]
fn started_twice_it_runs_once() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let starts = std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| sandbox.osctl(&["ct", "start", "web"])));
        threads.map(|thread| {
            thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a start died"))
        })
    });
    for start in starts {
        let ran = start??;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let init = web.init_pid()?;
    web.start()?;
    assert_eq!(web.init_pid()?, init);
    let mut inits = native::process::of_container(&sandbox, "web", "lxc.payload")?;
    inits.retain(|pid| {
        native::process::status(*pid, "NSpid").is_ok_and(|pids| pids.last() == Some(&1))
    });
    assert_eq!(inits, [init]);
    sandbox.finish(daemon)
}
