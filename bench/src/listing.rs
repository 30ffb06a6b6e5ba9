//! What a listing costs, through osctl and without it.

use anyhow::ensure;

use crate::fixture::Fixture;
use crate::series::Series;
use crate::table::Table;

/// A listing, and the question that osctl asks for it.
struct Listing {
    command: &'static [&'static str],
    address: &'static str,
}

const LISTINGS: &[Listing] = &[
    Listing {
        command: &["ping"],
        address: "/v1/ping",
    },
    Listing {
        command: &["pool", "ls"],
        address: "/v1/pools",
    },
    Listing {
        command: &["user", "ls"],
        address: "/v1/users",
    },
    Listing {
        command: &["user", "ls", "-j"],
        address: "/v1/users",
    },
    Listing {
        command: &["group", "ls"],
        address: "/v1/groups",
    },
];

/// The listings that osctl can do without a daemon.
const OFFLINE: &[&[&str]] = &[&["user", "ls"], &["group", "ls"]];

/// Listings with the daemon. The two sides of a pair alternate, so that other load affects both
/// equally.
pub(crate) fn online(fixture: &Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let (sandbox, size) = (fixture.sandbox(), fixture.size());
    for listing in LISTINGS {
        let (mut osctl, mut raw) = (Series::default(), Series::default());
        let mut bytes = 0;
        for _ in 0..runs {
            osctl.time(|| sandbox.ok(listing.command))?;
            let answer = raw.time(|| sandbox.request("GET", listing.address, None))?;
            ensure!(answer.status == 200, "{}: {}", listing.address, answer.head);
            bytes = answer.body.len();
        }
        let (command, address) = (listing.command.join(" "), listing.address);
        let (osctl_row, raw_row) = (format!("osctl {command}"), format!("GET {address}"));
        table.time(&osctl_row, size, &osctl);
        // `-j` asks what the table asks: once is enough.
        if !command.ends_with("-j") {
            table.time(&raw_row, size, &raw);
            table.bytes(&format!("answer of GET {address}"), size, bytes as u64);
        }
        table.difference(
            &format!("osctl's own share of {command}"),
            size,
            &osctl,
            &raw,
        );
    }
    floor(table, fixture, runs)
}

/// The same listings when no daemon runs: osctl reads the pool itself.
pub(crate) fn offline(fixture: &mut Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    fixture.stop()?;
    for command in OFFLINE {
        let series = Series::of(runs, || fixture.sandbox().ok(command).map(drop))?;
        let name = format!("osctl {}", command.join(" "));
        let offline = format!("{name}, no daemon");
        table.time(&offline, fixture.size(), &series);
        table.ratio(
            &format!("{name}: without / with daemon"),
            fixture.size(),
            &offline,
            &name,
        );
    }
    Ok(())
}

/// What starting a program costs that does nothing but print a line.
fn floor(table: &mut Table, fixture: &Fixture, runs: u32) -> anyhow::Result<()> {
    let series = Series::of(runs, || fixture.sandbox().ok(&["--version"]).map(drop))?;
    table.time("osctl --version", fixture.size(), &series);
    Ok(())
}
