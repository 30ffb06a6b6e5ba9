//! Reads answer while everything else waits: guests, disks, operations.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, ensure};

use native::{wait_for, with_pool};
use os_testkit::{HungMount, Sandbox};
use serde_json::Value;

/// Clients that wait for a guest: more than there are threads of any kind.
const WAITING: usize = 300;

/// What `osctl pool sources` says is at the source of a pool.
fn kind(sandbox: &Sandbox, pool: &str) -> Result<String> {
    let sources = sandbox.json(&["pool", "sources"])?;
    let mut sources = sources.as_array().context("a list")?.iter();
    let source = sources.find(|source| source["pool"] == pool);
    let kind = source.and_then(|source| source["kind"].as_str());
    Ok(kind.context("the pool is not known")?.to_owned())
}

/// A client that asks for a guest that does not come up, and waits a minute for the answer.
fn wait_for_guest(sandbox: &Sandbox, name: &str) -> Result<UnixStream> {
    let mut client = UnixStream::connect(sandbox.socket())?;
    let path = format!("/v1/containers/tank/{name}/ready?wait_ms=60000");
    write!(client, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")?;
    Ok(client)
}

#[test]
fn listings_answer_while_guests_and_a_disk_hang() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    sandbox.new_container("idle", &["--user", "web"])?;
    let directory = sandbox.path("disks");
    std::fs::create_dir(&directory)?;
    let image = directory.join("cold.img");
    let image = image.to_str().context("a path is text")?;
    sandbox.ok(&["pool", "new", "--size", "512M", "--file", image, "cold"])?;
    sandbox.ok(&["pool", "export", "cold"])?;
    assert_eq!(kind(&sandbox, "cold")?, "image");

    let hung = HungMount::over(&directory)?;
    let clients: Vec<_> = (0..WAITING)
        .map(|_| wait_for_guest(&sandbox, "idle"))
        .collect::<Result<_>>()?;
    let destroyed = std::thread::scope(|scope| -> Result<_> {
        let destroy = scope.spawn(|| sandbox.osctl(&["pool", "destroy", "--yes", "cold"]));
        let listed = sandbox.json(&["ct", "ls"])?;
        let is_running = |ct: &Value| ct["id"] == "web" && ct["state"] == "running";
        let listed = listed.as_array().context("a list")?;
        ensure!(listed.iter().any(is_running), "{listed:?}");
        for read in [
            &["ct", "show", "web"][..],
            &["ct", "config", "cat", "web"],
            &["user", "ls"],
            &["group", "ls"],
            &["pool", "ls"],
            &["operation", "ls"],
            &["ping"],
        ] {
            sandbox.ok(read)?;
        }
        assert_eq!(kind(&sandbox, "cold")?, "unreachable");
        destroy
            .join()
            .map_err(|_panic| anyhow::anyhow!("a thread died"))?
    })?;
    ensure!(
        destroyed.code == 7 && destroyed.stderr.contains("does not answer"),
        "a command that needs the disk has a deadline: {destroyed:?}"
    );

    drop(hung);
    wait_for("the disk is back", || {
        Ok((kind(&sandbox, "cold")? == "image").then_some(()))
    })?;
    drop(clients);
    sandbox.finish(daemon)
}
