//! Figures and limits.

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use os_storage::{PropertyEdit, StorageError};
use os_sys::patience;
use os_types::ByteSize;

use crate::fixture::{Fixture, Make};

const MIB: u64 = 1 << 20;

fn fill(path: &Path, mib: usize) -> std::io::Result<()> {
    // Incompressible enough that no backend stores less than it is given.
    let mut state = 1_u64;
    let mut file = std::fs::File::create(path)?;
    for _ in 0..mib {
        let mut block = Vec::with_capacity(1 << 20);
        while block.len() < 1 << 20 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            block.extend_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    file.sync_all()
}

/// Waits until the space that a dataset uses, and what is reachable through it, are in these
/// ranges of MiB: a figure is right once what was written is on disk.
fn figures_become(f: &Fixture, name: &str, used: Range<u64>, referenced: Range<u64>) {
    let root = std::fs::File::open(&f.place.mountpoint).unwrap();
    let mut found = (0, 0);
    let fit = patience::until(Duration::from_secs(15), || {
        rustix::fs::syncfs(&root).unwrap();
        let list = f.contents().list()?;
        let info = list.into_iter().find(|d| d.name == f.dataset(name));
        let info = info.unwrap();
        found = (info.used.unwrap().0 / MIB, info.referenced.unwrap().0 / MIB);
        let fits = used.contains(&found.0) && referenced.contains(&found.1);
        Ok::<_, StorageError>(fits.then_some(()))
    });
    assert!(
        fit.unwrap().is_some(),
        "{found:?} MiB: not {used:?}, {referenced:?}"
    );
}

pub(crate) fn figures_follow_writes(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.create(&f.dataset("a/b"), &[]).unwrap();
    fill(&f.file("a/file"), 8).unwrap();
    fill(&f.file("a/b/file"), 4).unwrap();
    figures_become(&f, "a", 12..14, 8..9);
    // Data that only a snapshot references counts as used, and no longer as referenced.
    c.snapshot(&f.snapshot("a@s")).unwrap();
    std::fs::remove_file(f.file("a/file")).unwrap();
    figures_become(&f, "a", 12..14, 0..1);
    let snapshot = c.snapshots().unwrap().pop().unwrap();
    assert!(snapshot.used.unwrap().0 >= 8 * MIB, "{snapshot:?}");
    f.finish();
}

pub(crate) fn limit_is_enforced_and_named(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let name = f.dataset("a");
    c.create(&name, &[PropertyEdit::Refquota(Some(ByteSize::mib(16)))])
        .unwrap();
    let error = fill(&f.file("a/file"), 32).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::QuotaExceeded, "{error}");
    c.set(&name, &[PropertyEdit::Refquota(None)]).unwrap();
    fill(&f.file("a/file"), 32).unwrap();
    // Of both limits the lower one holds.
    let both = [
        PropertyEdit::Quota(Some(ByteSize::mib(40))),
        PropertyEdit::Refquota(Some(ByteSize::mib(200))),
    ];
    c.set(&name, &both).unwrap();
    fill(&f.file("a/file2"), 32).unwrap_err();
    f.finish();
}

pub(crate) fn limit_survives_rollback(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(
        &f.dataset("a"),
        &[PropertyEdit::Refquota(Some(ByteSize::mib(16)))],
    )
    .unwrap();
    c.snapshot(&f.snapshot("a@s")).unwrap();
    f.write("a/file", "x");
    c.rollback(&f.snapshot("a@s")).unwrap();
    fill(&f.file("a/file"), 32).unwrap_err();
    f.finish();
}
