//! What passwd, group, subuid and subgid say: our lines, those of everybody else, and damage.

use std::collections::BTreeSet;
use std::path::Path;

use os_core::accounts::AccountLines;
use os_store::block;
use os_types::{Failure, chain};

/// The GECOS field of our system users.
const GECOS: &str = "osctl";

/// The four files.
#[derive(Debug, Default)]
pub(super) struct AccountTexts {
    /// Our lines.
    pub(super) ours: AccountLines,
    /// The text of everybody else's lines.
    pub(super) others: AccountLines,
    /// Damaged markers, each with its file and line. Our lines are known by what they say then.
    pub(super) damage: Vec<String>,
}

impl AccountTexts {
    /// Reads the files in the directory `etc`; homes of our system users are below `pools`.
    pub(super) fn read(etc: &Path, pools: &Path) -> Result<Self, Failure> {
        let mut files = Self::default();
        let mut names = BTreeSet::new();
        let (ours, others) = (&mut files.ours, &mut files.others);
        // passwd first: it tells the names of our users.
        let texts = [
            ("passwd", &mut ours.passwd, &mut others.passwd),
            ("group", &mut ours.group, &mut others.group),
            ("subuid", &mut ours.subuid, &mut others.subuid),
            ("subgid", &mut ours.subgid, &mut others.subgid),
        ];
        for (file, our, other) in texts {
            let parts = block::parts(&etc.join(file), &|line| is_ours(line, pools, &names))?;
            if file == "passwd" {
                names.extend(parts.lines.iter().map(|line| name(line).to_owned()));
            }
            *our = parts.lines.into_iter().map(|line| line + "\n").collect();
            *other = parts.outside;
            files
                .damage
                .extend(parts.damage.map(|damage| chain(&damage)));
        }
        Ok(files)
    }
}

fn name(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

/// Whether a line is ours by what it says: in passwd by its GECOS field and home, elsewhere by the
/// name of one of our users.
pub(super) fn is_ours(line: &str, pools: &Path, names: &BTreeSet<String>) -> bool {
    let fields: Vec<&str> = line.split(':').collect();
    match fields.as_slice() {
        [_, _, _, _, gecos, home, _] => *gecos == GECOS && Path::new(home).starts_with(pools),
        _ => names.contains(name(line)),
    }
}
