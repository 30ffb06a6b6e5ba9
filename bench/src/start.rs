//! How long it takes until the daemon is there.

use std::time::Instant;

use crate::fixture::{Fixture, POOL};
use crate::series::Series;
use crate::table::Table;

/// After a boot: the pool has to be opened and everybody registered.
pub(crate) fn cold(fixture: &mut Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let mut ready = Series::default();
    for _ in 0..runs {
        fixture.stop()?;
        fixture.power_off()?;
        let begin = Instant::now();
        fixture.launch()?;
        fixture.until("ready")?;
        ready.push(begin.elapsed());
    }
    fixture.check()?;
    table.time("start after boot, to ready", fixture.size(), &ready);
    Ok(())
}

/// After an upgrade or a crash: the pool is in use, everybody is registered.
pub(crate) fn restart(fixture: &mut Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let (mut answer, mut ready) = (Series::default(), Series::default());
    for _ in 0..runs {
        fixture.stop()?;
        let begin = Instant::now();
        fixture.launch()?;
        fixture.until("")?;
        answer.push(begin.elapsed());
        fixture.until("ready")?;
        ready.push(begin.elapsed());
    }
    fixture.check()?;
    table.time("restart, to first answer", fixture.size(), &answer);
    table.time("restart, to ready", fixture.size(), &ready);
    Ok(())
}

/// Export and import of the pool while the daemon runs.
pub(crate) fn import(fixture: &Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let (mut export, mut import) = (Series::default(), Series::default());
    for _ in 0..runs {
        let sandbox = fixture.sandbox();
        export.time(|| sandbox.ok(&["pool", "export", "-f", POOL]))?;
        import.time(|| sandbox.ok(&["pool", "import", POOL]))?;
    }
    table.time("osctl pool export", fixture.size(), &export);
    table.time("osctl pool import", fixture.size(), &import);
    Ok(())
}
