//! `kill -9` at moments that nobody chose: also in the middle of a step, where the crash matrix,
//! which kills around steps, does not look.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use native::World;
use os_testkit::{Daemon, Sandbox};
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

/// Kills the daemon so long after a command was given.
fn killed(sandbox: &Sandbox, daemon: Daemon, command: &[&str], delay: Duration) -> Result<()> {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| sandbox.osctl(command));
        let until = Instant::now() + delay;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        daemon.kill()?;
        // Whether it was told of success or not, what is found afterwards has to be whole.
        client
            .join()
            .map_err(|_panic| anyhow::anyhow!("the client died"))?
            .map(drop)
    })
}
