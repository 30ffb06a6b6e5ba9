//! The life of one container: made, started, entered, stopped, deleted.

use crate::command;
use crate::contender::{Action, Contender};
use crate::series::Series;
use crate::table::Table;

/// In the order of a life.
const LIFE: [(Action, &str); 5] = [
    (Action::Create, "create from a cached image"),
    (Action::Start, "start"),
    (Action::Exec, "exec true"),
    (Action::Kill, "forced stop"),
    (Action::Delete, "delete"),
];

/// Lives that are not counted: caches fill, images are unpacked.
const WARM: u32 = 3;

/// Measures `runs` lives. Contenders alternate, so that other load affects all equally.
pub(crate) fn measure(
    contenders: &mut [&mut dyn Contender],
    table: &mut Table,
    runs: u32,
) -> anyhow::Result<()> {
    let mut measured: Vec<[Series; LIFE.len()]> = Vec::new();
    measured.resize_with(contenders.len(), Default::default);
    for round in 0..WARM + runs {
        for (contender, series) in contenders.iter_mut().zip(&mut measured) {
            let id = format!("life{round:03}");
            if contender.command(Action::Create, &id).is_none() {
                contender.make(&id)?;
            }
            for ((action, _), series) in LIFE.iter().zip(series) {
                let Some(request) = contender.command(*action, &id) else {
                    continue;
                };
                let took = command::run(request)?.took;
                if round >= WARM {
                    series.push(took);
                }
            }
        }
    }
    for (contender, series) in contenders.iter().zip(&measured) {
        for ((_, name), series) in LIFE.iter().zip(series) {
            table.time(name, contender.name(), series);
        }
    }
    Ok(())
}
