//! What the host itself has of osctl.

use os_api::view::AssetKind;
use os_types::EntityRef;

use super::{Expected, FileKind, Want};
use crate::facts::Facts;
use crate::layout;

pub(super) fn expected(facts: &Facts) -> Vec<Expected> {
    let folder = |path, mode, description| {
        let want = Want::file(FileKind::Directory, path, mode);
        Expected::new(&EntityRef::Host, description, want).or("osctld")
    };
    let run = Some(layout::RUN_MODE);
    let mut all = vec![
        folder(facts.run_dir.clone(), run, "what runs"),
        folder(facts.run_dir.join("pools"), run, "what runs of pools"),
        folder(facts.state_dir.clone(), None, "what this host remembers"),
        folder(facts.state_dir.join("pools"), None, "where pools are"),
    ];
    let socket = facts.run_dir.join("osctld.sock");
    let want = Want::file(FileKind::Socket, socket, Some(0o600));
    all.push(Expected::new(&EntityRef::Host, "socket of the daemon", want).or("osctld"));
    for damage in facts.account_damage.iter() {
        let want = Want::Broken {
            kind: AssetKind::Entry,
            path: damage.split(": ").next().unwrap_or_default().to_owned(),
            reason: damage.clone(),
        };
        let lines = Expected::new(
            &EntityRef::Host,
            "lines of osctl between their markers",
            want,
        );
        all.push(lines.or("osctl activate"));
    }
    if let Some(failure) = &facts.ids_failure {
        let want = Want::Broken {
            kind: AssetKind::File,
            path: facts.state_dir.join("ids.toml").display().to_string(),
            reason: failure.to_string(),
        };
        let description = "host ids of the users of all pools";
        all.push(Expected::new(&EntityRef::Host, description, want).or("osctl activate"));
    }
    for (pool, known) in &facts.sources {
        let link = facts.state_dir.join("pools").join(pool.as_str());
        let want = Want::file(FileKind::Symlink, link, None);
        let description = format!("leads to {}", known.path.display());
        let next = format!("osctl pool import --source PATH {pool}");
        all.push(Expected::new(&EntityRef::Host, description, want).or(next));
    }
    all
}
