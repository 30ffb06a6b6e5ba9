//! Taking back what an operation did, long after it ended.
//!
//! An undo is an ordinary operation whose plan is the inverse of the one undone. It is kept in the
//! same history, so that it travels with the pool, and can itself be undone, which is a redo.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use os_api::OperationState;
use os_types::plan::JournalPlace;
use os_types::{Code, Failure, OpId, Plan, Step};

use crate::engine::Inner;
use crate::host::{Host, StepCheck};
use crate::journal::Record;
use crate::operation_table::{ambiguous, not_found};
use crate::request::{DEADLINE, OperationRequest, Planned, Planner, Strength};

/// How many records of each place are looked through. What came after a record, and may have undone
/// it, is newer, so no depth gives a wrong answer; this one costs some ten MiB for a moment.
const DEPTH: usize = 10_000;

/// Which operation to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UndoTarget {
    /// The one with this id or abbreviation.
    Operation(String),
    /// The newest in all open histories that succeeded, was not undone and is no undo itself: so
    /// that undoing again and again goes further back.
    Newest,
}

impl<H: Host> Inner<H> {
    /// The operation to undo and the plan that does it.
    pub(crate) fn undo_plan(&self, target: &UndoTarget) -> Result<(OpId, Plan), Failure> {
        let records = self.records()?;
        let undone = undone(&records);
        let record = match target {
            UndoTarget::Operation(text) => pick(&records, text)?,
            UndoTarget::Newest => newest(&records, &undone)?,
        };
        let id = &record.header.id;
        if record.ending.state != OperationState::Finished {
            return Err(refuse(
                id,
                "it did not succeed, so there is nothing to undo",
            ));
        }
        if undone.contains(id) {
            return Err(refuse(id, "it was undone already"));
        }
        let plan = record.plan.undo().map_err(|step| {
            let why = match step.inverse() {
                None => format!("this step is irreversible: {step}"),
                Some(_) => format!("what it made may hold data by now: {step}"),
            };
            refuse(id, &why)
        })?;
        for step in &plan.steps {
            if let StepCheck::Conflict(found) = self.look(step)? {
                let text = format!("something changed since, cannot {step}: {found}");
                return Err(refuse(id, &text));
            }
        }
        self.host.check_undo(&plan)?;
        Ok((id.clone(), plan))
    }

    /// The work that undoes an operation.
    pub(crate) fn undo_work(
        self: &Arc<Self>,
        target: &UndoTarget,
    ) -> Result<OperationRequest, Failure> {
        let (id, plan) = self.undo_plan(target)?;
        // One that only starts or stops a container yields to a kill of it, as what it undoes did.
        let strength = match plan.journal {
            JournalPlace::Run => Strength::Starting,
            _ => Strength::Normal,
        };
        let inner = Arc::downgrade(self);
        // Between now and its turn somebody else may undo the same, or change what it made.
        let target = UndoTarget::Operation(id.to_string());
        let planner: Planner = Arc::new(move || {
            let inner = inner.upgrade();
            let inner = inner.ok_or_else(|| Failure::new(Code::Busy, "osctld is stopping"))?;
            let (_, plan) = inner.undo_plan(&target)?;
            let reservation = inner.host.reserve(&plan)?;
            Ok(Planned { plan, reservation })
        });
        Ok(OperationRequest {
            command: "undo".to_owned(),
            cli: String::new(),
            uid: 0,
            pid: 0,
            touches: plan.touches,
            deadline: DEADLINE,
            strength,
            slot: None,
            undoes: Some(id),
            planner,
        })
    }

    /// The records of all open places, newest first. Operations with unreadable records cannot be undone.
    fn records(&self) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        for place in self.journals.open() {
            records.extend(self.history(&place, DEPTH)?.records);
        }
        records.sort_by_key(|record| Reverse(record.ending.ended));
        Ok(records)
    }

    fn look(&self, step: &Step) -> Result<StepCheck, Failure> {
        crate::executor::guard(step, || self.host.check(step))
    }
}

/// The operations whose effect an undo took away that was not itself undone.
fn undone(records: &[Record]) -> HashSet<OpId> {
    let mut undone = HashSet::new();
    // Newest first: whether an undo still holds is known before what it undid is looked at.
    for Record { header, ending, .. } in records {
        if let Some(id) = &header.undoes
            && ending.state == OperationState::Finished
            && !undone.contains(&header.id)
        {
            undone.insert(id.clone());
        }
    }
    undone
}

fn pick<'a>(records: &'a [Record], text: &str) -> Result<&'a Record, Failure> {
    if let Some(exact) = records.iter().find(|r| r.header.id.as_str() == text) {
        return Ok(exact);
    }
    let mut fits = records.iter().filter(|r| r.header.id.matches(text));
    match (fits.next(), fits.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => Err(not_found(text).next("osctl history")),
        (Some(one), Some(other)) => Err(ambiguous(text, &one.header.id, &other.header.id)),
    }
}

fn newest<'a>(records: &'a [Record], undone: &HashSet<OpId>) -> Result<&'a Record, Failure> {
    let mut records = records.iter();
    let fits = |record: &&Record| {
        let Record { header, ending, .. } = record;
        let succeeded = ending.state == OperationState::Finished;
        // No client requested operations of the daemon itself, such as importing pools at its start.
        let asked = header.pid != 0;
        succeeded && asked && header.undoes.is_none() && !undone.contains(&header.id)
    };
    let none = || Failure::new(Code::NoUndo, "no operation in the history can be undone");
    records.find(fits).ok_or_else(none)
}

fn refuse(id: &OpId, why: &str) -> Failure {
    let text = format!("operation {id} cannot be undone: {why}");
    Failure::new(Code::NoUndo, text)
        .about(format!("operation {id}"))
        .next("osctl history")
}
