//! Roots that were changed at random, unpacked as osctld does it: a good answer or a bad one, never
//! none, and never anything outside of the target.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hostile::image::{ARCH, image_with};
use hostile::{Canaries, Tarball};
use os_cmd::os_helper::{Helper, HelperError};
use os_helper_api::{Job, UnpackJob};
use os_image::Limits;
use os_image::archive::Measure;
use os_testkit::Random;
use os_types::{Failure, IdMap, IdMapEntry};
use tar::EntryType;

/// Ids that no user has.
const FIRST_ID: u32 = 2_101_000_000;
const ROUNDS: u64 = 120;

/// A root with something of everything, some of it hostile.
fn root(random: &mut Random, outside: &str) -> Vec<u8> {
    let names = ["a", "b", "a/b", "a/b/c", "b/x", "../x", "/etc/x", ".", "c"];
    let up = format!("../../../../../..{outside}");
    let links = ["a", "..", "/", outside, up.as_str(), "b/x", "a/b", "c"];
    let mut tar = Tarball::new().folder("etc");
    for _ in 0..=random.below(12) {
        let name = names[random.below(names.len())];
        let link = links[random.below(links.len())];
        tar = match random.below(9) {
            0 | 1 => tar.folder(name),
            2 | 3 => tar.symlink(name, link),
            4 => tar.link(name, link),
            5 => tar.add(EntryType::Fifo, name.as_bytes(), b"", b""),
            6 => tar.extended(&[("path", link.as_bytes()), ("SCHILY.xattr.user.a", b"\n")]),
            _ => tar.file(name, b"changed"),
        };
    }
    let mut bytes = tar.finish();
    // Half of them keep their form; the others are damaged, with sums that are right again.
    for _ in 0..random.below(2) * random.below(6) {
        let at = random.below(bytes.len());
        bytes[at] = u8::try_from(random.next() & 0xff).unwrap_or(0);
        let block = at / 512 * 512;
        let mut header = tar::Header::new_old();
        header
            .as_mut_bytes()
            .copy_from_slice(&bytes[block..block + 512]);
        header.set_cksum();
        bytes[block..block + 512].copy_from_slice(header.as_bytes());
    }
    bytes
}

fn job(folder: &std::path::Path) -> Result<UnpackJob> {
    let entry = IdMapEntry::new(0, FIRST_ID, 65_536).context("an id map")?;
    let map = IdMap::try_from(vec![entry])?;
    Ok(UnpackJob {
        archive: folder.join("image"),
        target: folder.join("target"),
        uid_map: map.clone(),
        gid_map: map,
        limits: Limits::default(),
        memory_bytes: 1 << 30,
        cpu_seconds: 20,
    })
}

fn unpack(job: UnpackJob) -> Result<Option<Failure>> {
    let helper = Helper::new(os_testkit::sandbox::program_path("os-helper")?);
    match helper.call(Job::Unpack(job), Vec::new(), Duration::from_secs(30)) {
        Ok(_) => Ok(None),
        Err(HelperError::Failed(failure)) => Ok(Some(failure)),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn nothing_random_gets_out() -> Result<()> {
    let outside = tempfile::tempdir()?;
    File::create(outside.path().join("x"))?.write_all(b"a canary")?;
    let outside_path = outside.path().display().to_string();
    let seed = std::env::var("HOSTILE_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let (mut done, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let seed = seed.unwrap_or(20_261_126) + round;
        let mut random = Random::new(seed);
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("target"))?;
        let measure = Measure {
            bytes: 1 << 30,
            entries: 100,
        };
        let image = folder.path().join("image");
        image_with(&image, ARCH, &root(&mut random, &outside_path), measure)?;
        let beside = [outside.path(), image.as_path()];
        let canaries = Canaries::look(&beside, folder.path())?;
        let answer = unpack(job(folder.path())?);
        match answer.with_context(|| format!("HOSTILE_SEED={seed}"))? {
            None => done += 1,
            Some(failure) => {
                ensure!(
                    !failure.message.contains('\x1b'),
                    "HOSTILE_SEED={seed}: {failure:?}"
                );
                refused += 1;
            }
        }
        canaries
            .are_well()
            .with_context(|| format!("HOSTILE_SEED={seed}"))?;
        let names = fs::read_dir(folder.path())?.count();
        ensure!(
            names == 2,
            "HOSTILE_SEED={seed}: a file is beside the target"
        );
    }
    ensure!(
        done > 5 && refused > 5,
        "{done} unpacked, {refused} refused: not random enough"
    );
    Ok(())
}
