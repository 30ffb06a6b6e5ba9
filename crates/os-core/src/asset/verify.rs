//! Looking at what is expected.

use os_api::view::{Asset, AssetState};

use super::{Expected, FileKind, Probe, Stat, Want};

/// Each of `expected` as it was found, in the same order.
pub fn verify(expected: &[Expected], probe: &dyn Probe) -> Vec<Asset> {
    expected
        .iter()
        .map(|expected| {
            let (state, errors) = match look(&expected.want, probe) {
                Ok(errors) if errors.is_empty() => (AssetState::Valid, errors),
                Ok(errors) => (AssetState::Invalid, errors),
                Err(error) => (AssetState::Unknown, vec![error]),
            };
            let next = expected.next.clone();
            Asset {
                entity: expected.entity.clone(),
                kind: expected.kind(),
                path: expected.path(),
                description: expected.description.clone(),
                next: next.filter(|_| state != AssetState::Valid),
                state,
                errors,
            }
        })
        .collect()
}

/// What is wrong; an error if it could not be looked at.
fn look(want: &Want, probe: &dyn Probe) -> Result<Vec<String>, String> {
    let missing = |exists: bool| {
        if exists {
            Vec::new()
        } else {
            vec!["it does not exist".to_owned()]
        }
    };
    Ok(match want {
        Want::File { path, .. } => match probe.stat(path)? {
            None => missing(false),
            Some(found) => differences(want, found),
        },
        Want::Dataset(dataset) => missing(probe.dataset_exists(dataset)?),
        Want::Mount { path, options } => match probe.missing_options(path, options)? {
            None => vec!["nothing is mounted there".to_owned()],
            Some(missing) => missing
                .iter()
                .map(|option| format!("it is mounted without {option}"))
                .collect(),
        },
        Want::Entry { file, line } => {
            if probe.has_line(file, line)? {
                Vec::new()
            } else {
                vec!["the line is missing or another one".to_owned()]
            }
        }
        Want::Cgroup(path) => {
            // It may exist or not; only an error of the probe counts.
            probe.cgroup_exists(path)?;
            Vec::new()
        }
        Want::NoneHeld(path) => probe
            .held_processes(path)?
            .map(|held| format!("the kernel holds what was killed: {held}"))
            .into_iter()
            .collect(),
        Want::Broken { reason, .. } => vec![reason.clone()],
    })
}

fn differences(want: &Want, found: Stat) -> Vec<String> {
    let Want::File {
        kind,
        uid,
        gid,
        mode,
        ..
    } = want
    else {
        return Vec::new();
    };
    if *kind != found.kind {
        return vec![format!("it is {}, not {}", name(found.kind), name(*kind))];
    }
    let mut errors = Vec::new();
    if (*uid, *gid) != (found.uid, found.gid) {
        let (is_uid, is_gid) = (found.uid, found.gid);
        errors.push(format!("its owner is {is_uid}:{is_gid}, not {uid}:{gid}"));
    }
    if let Some(mode) = mode
        && *mode != found.mode
    {
        errors.push(format!("its mode is {:04o}, not {mode:04o}", found.mode));
    }
    errors
}

const fn name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Directory => "a directory",
        FileKind::File => "a file",
        FileKind::Symlink => "a symbolic link",
        FileKind::Socket => "a socket",
        FileKind::Other => "a special file",
    }
}
