//! What a pool expects: its dataset, its mount, its directories and files.

use os_api::view::AssetKind;
use os_types::{DatasetName, EntityRef};

use super::{Expected, FileKind, Want};
use crate::facts::Facts;
use crate::layout;
use crate::state::{Entry, PoolState};

pub(super) fn expected(pool: &PoolState, facts: &Facts) -> Vec<Expected> {
    let name = pool.name();
    let entity = EntityRef::Pool { pool: name.clone() };
    // Importing a pool makes what is missing and sets what differs.
    let again = format!("osctl pool export {name} && osctl pool import {name}");
    let folder = |path, mode, description: &str| {
        let want = Want::file(FileKind::Directory, path, mode);
        Expected::new(&entity, description, want).or(again.as_str())
    };
    let mount = Want::Mount {
        path: facts.mountpoint(name),
        options: &["nosuid", "nodev"],
    };
    let mut all = vec![
        Expected::new(&entity, "the pool", Want::Dataset(DatasetName::from(name))),
        Expected::new(&entity, "the pool on this host", mount).or(again.as_str()),
    ];
    if pool.dataset().relative() != "" {
        let want = Want::Dataset(pool.dataset().clone());
        all.push(Expected::new(
            &entity,
            "all files of osctl on the pool",
            want,
        ));
    }
    for wanted in layout::FOLDERS {
        let path = pool.folder().join(wanted.path);
        all.push(folder(path, Some(wanted.mode), wanted.description));
    }
    let run = layout::run_folder(&facts.run_dir, name);
    let mode = Some(layout::RUN_MODE);
    all.push(folder(run.clone(), mode, "what runs of the pool"));
    all.push(folder(run.join("users"), mode, "homes of system users"));
    let failure = pool.config().and_then(Entry::failure);
    all.push(Expected::config(&entity, pool.folder(), failure));
    let mark = pool.folder().join(layout::HOST_MARK);
    let want = Want::file(FileKind::File, mark, Some(layout::FILE_MODE));
    all.push(Expected::new(&entity, "mark of this host", want).or(again.as_str()));
    for stray in pool.strays() {
        let path = pool.folder().join(stray).display().to_string();
        let want = Want::Broken {
            kind: AssetKind::File,
            path: path.clone(),
            reason: "its name is not that of any entity, so it means nothing".to_owned(),
        };
        let next = format!("mv '{path}' /root/");
        all.push(Expected::new(&entity, "a stray file", want).or(next));
    }
    all
}
