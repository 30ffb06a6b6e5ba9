//! Bad input: a clear error, the right exit code, nothing lost, the daemon alive.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, ensure};
use os_testkit::{Daemon, Sandbox, http};
use serde_json::{Value, json};

fn with_pool() -> Result<(Sandbox, Daemon)> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    Ok((sandbox, daemon))
}

/// `osctl` has to refuse with this exit code and say these words.
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, words: &[&str]) -> Result<()> {
    let ran = sandbox.osctl(args)?;
    ensure!(
        ran.code == code,
        "{args:?} ended with {} instead of {code}: {}",
        ran.code,
        ran.stderr
    );
    for word in words {
        ensure!(
            ran.stderr.contains(word),
            "{args:?} does not say {word:?}: {}",
            ran.stderr
        );
    }
    ensure!(
        ran.stderr.starts_with("error: "),
        "{args:?}: {}",
        ran.stderr
    );
    Ok(())
}

#[test]
fn names_that_are_none() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let before = native::World::look(&sandbox)?;
    let long = "x".repeat(300);
    for name in [
        "a b",
        "a/b",
        "..",
        "../../etc",
        "a\u{7}b",
        "A",
        "-x",
        "",
        long.as_str(),
    ] {
        refused(&sandbox, &["user", "new", "--", name], 2, &[])?;
        refused(&sandbox, &["id-range", "del", "--", name], 2, &[])?;
        refused(&sandbox, &["group", "new", "--", name], 2, &[])?;
        refused(
            &sandbox,
            &["user", "set", "attr", "--", name, "a:b", "c"],
            2,
            &[],
        )?;
        if name != "A" {
            refused(
                &sandbox,
                &["pool", "new", "--size", "1G", "--", name],
                2,
                &[],
            )?;
        }
        // The same past the command line, where nothing checks names before the daemon.
        let answer = sandbox.request(
            "POST",
            "/v1/commands/user-new",
            Some(&json!({ "name": name })),
        )?;
        ensure!(answer.status == 400, "{name:?}: {answer:?}");
        ensure!(
            answer.head.contains("application/problem+json"),
            "{}",
            answer.head
        );
    }
    before.expect_same(&native::World::look(&sandbox)?)?;
    sandbox.finish(daemon)
}

#[test]
fn ids_out_of_32_bits() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for map in [
        "0:4294967295:1",
        "0:4294967296:1",
        "0:4294901760:65536",
        "0:-1:5",
        "0:1",
        "0:1:0",
    ] {
        refused(&sandbox, &["user", "new", "--map", map, "alice"], 2, &[])?;
    }
    let range = |start: &'static str, size: &'static str, count: &'static str| {
        [
            "id-range",
            "new",
            "--start-id",
            start,
            "--block-size",
            size,
            "--block-count",
            count,
            "r",
        ]
    };
    refused(&sandbox, &range("4294967296", "1", "1"), 2, &[])?;
    refused(&sandbox, &range("4294967290", "10", "10"), 2, &[])?;
    refused(&sandbox, &range("1", "4294967295", "4294967295"), 2, &[])?;
    sandbox.finish(daemon)
}

#[test]
fn overlapping_maps_name_the_owner() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("extra")?;
    sandbox.ok(&["user", "new", "--map", "0:700000:1000", "tank:alice"])?;
    for name in ["tank:bob", "extra:bob"] {
        let map = ["user", "new", "--map", "0:700999:1000", name];
        refused(&sandbox, &map, 4, &["tank:alice", "E-OVERLAP"])?;
    }
    refused(
        &sandbox,
        &["user", "new", "--map", "0:0:1000", "bob"],
        4,
        &["E-OVERLAP"],
    )?;
    let next = sandbox.json(&["user", "new", "--plan", "extra:bob"]);
    ensure!(
        next.is_ok(),
        "disjoint ids are found by themselves: {next:?}"
    );
    sandbox.finish(daemon)
}

#[test]
fn a_pool_path_that_is_not_a_pool() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    let file = sandbox.path("file");
    std::fs::File::create(&file)?.set_len(300 << 20)?;
    let folder = sandbox.path("etc");
    for path in [&file, &folder, &sandbox.path("missing")] {
        let path = path.to_str().context("path")?;
        let ran = sandbox.osctl(&["pool", "import", "--source", path, "tank"])?;
        ensure!([3, 5].contains(&ran.code), "{path}: {ran:?}");
        ensure!(
            ran.stderr.contains("tank") || ran.stderr.contains(path),
            "{ran:?}"
        );
        let ran = sandbox.osctl(&["pool", "install", "--source", path, "tank"])?;
        ensure!([3, 5].contains(&ran.code), "{path}: {ran:?}");
    }
    refused(
        &sandbox,
        &["pool", "import", "nosuch"],
        3,
        &["nosuch", "E-NOT-FOUND"],
    )?;
    sandbox.finish(daemon)
}

#[test]
fn a_full_disk_in_the_middle_of_a_write() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let filler = sandbox.path("tank/filler");
    let mut file = std::fs::File::create(&filler)?;
    let chunk = vec![0x5a_u8; 1 << 20];
    while file.write_all(&chunk).is_ok() {}
    // What is left for small files and metadata.
    let small: Vec<_> = (0..20_000)
        .map(|number| sandbox.path(&format!("tank/small{number}")))
        .take_while(|path| {
            std::fs::File::create(path)
                .and_then(|mut f| f.write_all(&[7; 3000]))
                .is_ok()
        })
        .collect();
    let mut failed = 0;
    for number in 0..50 {
        let key = format!("org.example:k{number}");
        let value = "v".repeat(15_000);
        let ran = sandbox.osctl(&["user", "set", "attr", "alice", &key, &value])?;
        if ran.code != 0 {
            failed += 1;
            ensure!(ran.code == 8, "{ran:?}");
            ensure!(ran.stderr.contains("E-NO-SPACE"), "{ran:?}");
            break;
        }
    }
    ensure!(failed > 0, "the disk was not full");
    sandbox.ok(&["user", "ls"])?;
    drop(file);
    std::fs::remove_file(&filler)?;
    for path in small {
        std::fs::remove_file(path)?;
    }
    let after = native::World::look(&sandbox)?;
    after.is_clean()?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.ok(&["user", "set", "attr", "alice", "org.example:after", "fine"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_config_file_cut_in_half() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for name in ["alice", "bob"] {
        sandbox.ok(&["user", "new", name])?;
    }
    let path = sandbox.path("tank/conf/user/alice.toml");
    let text = std::fs::read_to_string(&path)?;
    let (half, _) = text.split_at(text.len() / 2);
    put(&path, half)?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    refused(
        &sandbox,
        &["user", "set", "attr", "alice", "a:b", "c"],
        5,
        &["E-DAMAGED", "alice.toml:"],
    )?;
    let health = sandbox.osctl(&["healthcheck"])?;
    ensure!(
        health.code != 0 && health.stdout.contains("alice"),
        "{health:?}"
    );
    // No other user gets its ids, and everything else works.
    sandbox.ok(&["user", "new", "carol"])?;
    sandbox.ok(&["user", "set", "attr", "bob", "a:b", "c"])?;
    put(&path, &text)?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    sandbox.ok(&["user", "set", "attr", "alice", "a:b", "c"])?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[test]
fn two_clients_change_the_same_entity_at_once() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let sandbox = &sandbox;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                scope.spawn(move || -> Result<()> {
                    for number in 0..10 {
                        let key = format!("client-{client}:{number}");
                        sandbox.ok(&["user", "set", "attr", "alice", &key, "x"])?;
                    }
                    Ok(())
                })
            })
            .collect();
        clients
            .into_iter()
            .try_for_each(|c| c.join().map_err(|_e| anyhow::anyhow!("died"))?)
    })?;
    let user = sandbox.json(&["user", "show", "alice"])?;
    let attrs = user["attrs"].as_object().map_or(0, serde_json::Map::len);
    ensure!(attrs == 80, "{attrs} of 80 changes are there");
    // The same name from two clients: one wins, the other fails.
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let new = || {
            sandbox
                .osctl(&["user", "new", "dave"])
                .map_or(-1, |ran| ran.code)
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(new)).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap_or(-1))
            .collect()
    });
    assert_eq!(
        codes.iter().filter(|code| **code == 0).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == 4).count(),
        3,
        "{codes:?}"
    );
    drop(daemon);
    Ok(())
}

#[test]
fn a_client_that_hangs_up() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let before = native::World::look(&sandbox)?;
    for bytes in [
        &b"POST /v1/commands/user-new HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{\"name\":"
            [..],
        b"GET /v1/us",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"",
    ] {
        let mut stream = UnixStream::connect(sandbox.socket())?;
        stream.write_all(bytes)?;
        drop(stream);
    }
    sandbox.ok(&["ping"])?;
    before.expect_same(&native::World::look(&sandbox)?)?;
    sandbox.finish(daemon)
}

#[test]
fn a_body_of_100_mb() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let head = "POST /v1/commands/user-new HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let length = 100 << 20;
    let told = format!("{head}content-length: {length}\r\n\r\n").into_bytes();
    let answer = http::raw(&sandbox.socket(), &[told, vec![b' '; length]].concat())?;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()?["code"], "E-TOO-LARGE");
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..100 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend_from_slice(&vec![b' '; 0x10_0000]);
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = http::raw(&sandbox.socket(), &chunked)?;
    assert_eq!(answer.status, 413);
    sandbox.ok(&["ping"])?;
    sandbox.finish(daemon)
}

#[test]
fn json_nested_10_000_deep() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for (open, close) in [("[", "]"), ("{\"name\":", "}")] {
        let body = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let request = format!(
            "POST /v1/commands/user-new HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = http::raw(&sandbox.socket(), request.as_bytes())?;
        assert_eq!(answer.status, 400, "{answer:?}");
        let problem: Value = answer.json()?;
        ensure!(["E-BODY", "E-NAME"].contains(&problem["code"].as_str().unwrap_or_default()));
    }
    sandbox.ok(&["ping"])?;
    sandbox.finish(daemon)
}

/// Damage and repair by hand, as a person with an editor does it.
fn put(path: &std::path::Path, text: &str) -> Result<()> {
    let replaced = std::fs::File::create(path.with_extension("edited"))?;
    (&replaced).write_all(text.as_bytes())?;
    replaced.set_permissions(std::fs::Permissions::from_mode(0o400))?;
    Ok(std::fs::rename(path.with_extension("edited"), path)?)
}
