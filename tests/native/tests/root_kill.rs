//! `kill -9` at random moments: also in the middle of a step, where the crash matrix,
//! which kills around steps, does not look.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use native::{World, process, until_idle};
use os_testkit::{Daemon, Random, Sandbox, image};
use serde_json::Value;

/// Commands that change something, each possible after the ones before it, whether those were
/// finished or reverted; `#` is the number of the round.
const COMMANDS: &[&[&str]] = &[
    &["user", "new", "u#"],
    &["group", "new", "-p", "/a/g#"],
    &["id-range", "allocate", "--owner", "o#", "default"],
    &["user", "set", "attr", "stays", "org.example:k#", "v"],
    &["user", "unreg", "stays"],
    &["user", "reg", "stays"],
    &["pool", "export", "tank"],
    &["undo"],
];

const ROUNDS: usize = 80;

#[test]
fn at_any_moment() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "stays"])?;
    daemon.kill()?;
    // The same moments each time, as far as the machine lets: multiples of the golden ratio.
    let fractions = (1..=ROUNDS).map(|round| (round * 61_803 % 100_000) as u64);
    for (round, fraction) in fractions.enumerate() {
        let delay = Duration::from_micros(fraction * 40_000 / 100_000);
        one(&sandbox, round, delay).with_context(|| format!("round {round}, after {delay:?}"))?;
    }
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

fn one(sandbox: &Sandbox, round: usize, delay: Duration) -> Result<()> {
    let number = round.to_string();
    let command = COMMANDS[round % COMMANDS.len()];
    let command: Vec<String> = command
        .iter()
        .map(|word| word.replace('#', &number))
        .collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();

    let daemon = sandbox.start_ready()?;
    killed(sandbox, daemon, &command, delay)?;

    let daemon = sandbox.start_ready()?;
    World::look(sandbox)?.is_clean()?;
    if !sandbox
        .ok(&["pool", "ls", "-H", "-o", "name"])?
        .contains("tank")
    {
        sandbox.ok(&["pool", "import", "tank"])?;
    }
    // The undo may have reached back as far as the user itself.
    if sandbox.osctl(&["user", "show", "stays"])?.code == 3 {
        sandbox.ok(&["user", "new", "stays"])?;
    }
    sandbox.ok(&["user", "reg", "stays"])?;
    sandbox
        .ok(&["healthcheck"])
        .with_context(|| format!("after {command:?}"))?;
    let history = sandbox.json(&["history"])?;
    let states = history
        .as_array()
        .context("history")?
        .iter()
        .map(|record| &record["state"]);
    let settled = ["finished", "reverted", "cancelled"];
    let odd: Vec<_> = states
        .filter(|s| !settled.contains(&s.as_str().unwrap_or("?")))
        .collect();
    ensure!(odd.is_empty(), "operations ended as {odd:?}");
    daemon.kill()
}

/// The same while pools are made, closed, opened and destroyed, which takes longer.
#[test]
fn at_any_moment_of_a_pools_life() -> Result<()> {
    let sandbox = Sandbox::new()?;
    for round in 0..32_u64 {
        let delay = Duration::from_micros((round * 61_803 % 100_000) * 3 / 2);
        pool_round(&sandbox, round, delay).with_context(|| format!("round {round}, {delay:?}"))?;
    }
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

fn pool_round(sandbox: &Sandbox, round: u64, delay: Duration) -> Result<()> {
    let daemon = sandbox.start_ready()?;
    let sources = sandbox.json(&["pool", "sources"])?;
    let command: &[&str] = match (&sources[0]["imported"], round % 3) {
        (Value::Bool(true), _) => &["pool", "export", "tank"],
        (Value::Bool(false), 0) => &["pool", "destroy", "--yes", "tank"],
        (Value::Bool(false), _) => &["pool", "import", "tank"],
        _ => &["pool", "new", "--size", "300M", "tank"],
    };
    killed(sandbox, daemon, command, delay)?;

    let daemon = sandbox.start_ready()?;
    World::look(sandbox)?.is_clean()?;
    sandbox
        .ok(&["healthcheck"])
        .with_context(|| format!("after {command:?}"))?;
    // What is there can be used: half a pool could not.
    for source in sandbox
        .json(&["pool", "sources"])?
        .as_array()
        .context("sources")?
    {
        if source["imported"] == false {
            sandbox
                .ok(&["pool", "import", "tank"])
                .with_context(|| format!("{command:?}"))?;
            sandbox.ok(&["pool", "export", "tank"])?;
        }
    }
    let images = std::fs::read_dir(sandbox.path("var/lib/osctl/images"));
    let images = images.map(Iterator::count).unwrap_or_default();
    let known = sandbox
        .json(&["pool", "sources"])?
        .as_array()
        .map_or(0, Vec::len);
    ensure!(
        images == known,
        "{images} images for {known} pools after {command:?}"
    );
    daemon.kill()
}

/// Kills the daemon with a delay after a command was sent.
fn killed(sandbox: &Sandbox, daemon: Daemon, command: &[&str], delay: Duration) -> Result<()> {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| sandbox.osctl(command));
        let until = Instant::now() + delay;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        daemon.kill()?;
        // Whether the client got a success or not, the state afterwards has to be consistent.
        client
            .join()
            .map_err(|_panic| anyhow::anyhow!("the client died"))?
            .map(drop)
    })
}

/// How long the test with a mix of commands runs.
const TIME: Duration = Duration::from_mins(1);

/// Upper bound for the lifetime of a daemon in that test, in milliseconds.
const LIFE: u32 = 1_500;

/// The commands of that test, some of which fail. `#` stands for one of [`NAMES`], `%image` for the image.
const MIX: &[&[&str]] = &[
    &["ct", "new", "--from-file", "%image", "--user", "alice", "#"],
    &["ct", "new", "--from-file", "%image", "#"],
    &["ct", "start", "#"],
    &["ct", "start", "#"],
    &["ct", "stop", "-k", "#"],
    &["ct", "restart", "-k", "#"],
    &["ct", "freeze", "#"],
    &["ct", "unfreeze", "#"],
    &["ct", "set", "hostname", "#", "renamed"],
    &["ct", "unset", "hostname", "#"],
    &["ct", "rename", "#", "#"],
    &["ct", "del", "-f", "#"],
    &["trash-bin", "prune", "tank"],
    &["image", "prune", "tank"],
    &["user", "new", "#"],
    &["user", "del", "#"],
    &["group", "new", "-p", "/a/#"],
    &["group", "del", "/a/#"],
    &["pool", "reload", "tank"],
    &["pool", "export", "-f", "tank"],
    &["pool", "import", "tank"],
    &["undo"],
];

const NAMES: &[&str] = &["one", "two", "three"];

fn command(random: &mut Random, image: &str) -> Vec<String> {
    let words = random.one_of(MIX).iter();
    let words = words.map(|word| match *word {
        "%image" => image.to_owned(),
        word => word.replace('#', random.one_of(NAMES)),
    });
    words.collect()
}

/// Several clients run random commands, and the daemon is killed at random times. The output has the seed. The
/// variable `OSCTL_TEST_SEED` sets it, which repeats the commands, at about the same times.
#[test]
fn under_a_mix_of_commands() -> Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let seed: u64 = match std::env::var("OSCTL_TEST_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => now.subsec_nanos().into(),
    };
    println!("OSCTL_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    daemon.kill()?;
    let until = Instant::now() + TIME;
    let mut round = 0;
    while Instant::now() < until {
        let given = mixed_round(&sandbox, &mut random)
            .with_context(|| format!("OSCTL_TEST_SEED={seed}, round {round}"))?;
        println!("round {round}: {given:?}");
        round += 1;
    }
    ensure!(round > 3, "only {round} rounds in {TIME:?}");
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

/// Clients run commands until the daemon is killed. Then the host is checked. Returns the commands.
fn mixed_round(sandbox: &Sandbox, random: &mut Random) -> Result<Vec<Vec<String>>> {
    let image = image::busybox()?;
    let image = image.to_str().context("a path of text")?;
    let daemon = sandbox.start_ready()?;
    let life = Duration::from_millis(random.next() % u64::from(LIFE));
    let commands = [(); 3].map(|()| [(); 20].map(|()| command(random, image)));
    let is_over = AtomicBool::new(false);
    let given = std::thread::scope(|scope| {
        let clients = commands.map(|commands| {
            let is_over = &is_over;
            scope.spawn(move || client(sandbox, &commands, is_over))
        });
        std::thread::sleep(life);
        daemon.kill()?;
        is_over.store(true, Ordering::Relaxed);
        let mut given = Vec::new();
        for client in clients {
            let client = client.join();
            given.extend(client.map_err(|_panic| anyhow::anyhow!("a client died"))??);
        }
        Ok::<_, anyhow::Error>(given)
    })?;
    look(sandbox).with_context(|| format!("after {life:?} of {given:?}"))?;
    Ok(given)
}

/// Runs one command after the other, ignoring their results. Returns those that were started.
fn client(
    sandbox: &Sandbox,
    commands: &[Vec<String>],
    is_over: &AtomicBool,
) -> Result<Vec<Vec<String>>> {
    let mut given = Vec::new();
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut osctl = sandbox.osctl_command(&words)?;
        let mut osctl = osctl.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        given.push(command.clone());
        while osctl.try_wait()?.is_none() {
            if is_over.load(Ordering::Relaxed) {
                // It would wait for the next daemon.
                osctl.kill()?;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(given)
}

/// Starts a daemon, imports the pool, and checks that nothing is half-done.
fn look(sandbox: &Sandbox) -> Result<()> {
    let daemon = sandbox.start_ready()?;
    until_idle(sandbox)?;
    if !sandbox
        .ok(&["pool", "ls", "-H", "-o", "name"])?
        .contains("tank")
    {
        sandbox.ok(&["pool", "import", "tank"])?;
    }
    World::look(sandbox)?.is_clean()?;
    sandbox.ok(&["healthcheck"])?;
    let history = sandbox.json(&["history"])?;
    for record in history.as_array().context("history")? {
        // Pruning is irreversible.
        let destroys = record["command"]
            .as_str()
            .is_some_and(|name| name.ends_with("-prune"));
        ensure!(record["state"] != "failed" || destroys, "{record}");
    }
    let containers = sandbox.request("GET", "/v1/containers", None)?.json()?;
    let containers = containers.as_array().context("containers")?;
    let mut names = Vec::new();
    for container in containers {
        let name = container["name"].as_str().context("a name")?;
        if container["state"] == "stopped" {
            let left = process::of_container(sandbox, name, "")?;
            ensure!(left.is_empty(), "{name} is stopped, and {left:?} run");
        }
        names.push(name.to_owned());
    }
    names.sort();
    let datasets = std::fs::read_dir(sandbox.path("tank/ct"))?;
    let datasets = datasets.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut datasets = datasets.collect::<Result<Vec<_>>>()?;
    datasets.sort();
    ensure!(
        names == datasets,
        "containers {names:?}, but datasets {datasets:?}"
    );
    daemon.kill()
}
