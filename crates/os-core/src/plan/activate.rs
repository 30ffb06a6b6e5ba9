//! `activate`: our blocks in the account files are written again.

use os_api::command::Activate;
use os_types::plan::JournalPlace;
use os_types::step::AccountFilesStep;
use os_types::{EntityRef, Plan, Step};

pub(super) fn plan(_body: &Activate) -> Plan {
    Plan {
        steps: vec![Step::AccountFiles(AccountFilesStep {})],
        touches: vec![EntityRef::Host],
        journal: JournalPlace::Run,
        parallel: Vec::new(),
    }
}
