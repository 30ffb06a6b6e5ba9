//! What was measured: tables for people, JSON for comparisons.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use crate::budget::Verdict;
use crate::machine;
use crate::table::Table;

/// Everything of one run.
#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    load_after: String,
    /// Columns are how many users and groups there are.
    pub(crate) entities: Table,
    /// Columns are what runs the containers.
    pub(crate) containers: Table,
    /// The same of a busy host.
    pub(crate) busy: Table,
    /// Columns are kernels of the operating system.
    pub(crate) system: Table,
    /// What was not measured, and why.
    pub(crate) notes: Vec<String>,
    /// Budgets against what was measured.
    pub(crate) verdicts: Vec<Verdict>,
}

impl Report {
    /// A report without rows.
    pub(crate) fn new() -> Self {
        Self {
            machine: machine::describe(),
            load_after: String::new(),
            entities: Table::new("p50 (p95), by number of users and groups"),
            containers: Table::new("p50 (p95) of containers"),
            busy: Table::new("p50 (p95) of a busy host"),
            system: Table::new("p50 (p95) of the operating system"),
            notes: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Notes how busy the machine was at the end.
    pub(crate) fn finish(&mut self) {
        self.load_after = machine::load();
    }

    /// Writes the JSON file; its path.
    pub(crate) fn save(&self) -> anyhow::Result<PathBuf> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).context("no target directory")?;
        let folder = target.join("bench");
        fs::create_dir_all(&folder)?;
        let path = folder.join("latest.json");
        let verdicts: Vec<_> = self.verdicts.iter().map(Verdict::json).collect();
        let report = json!({
            "schema": 2,
            "machine": self.machine,
            "load_after": self.load_after,
            "entities": self.entities.json(),
            "containers": self.containers.json(),
            "busy": self.busy.json(),
            "system": self.system.json(),
            "notes": self.notes,
            "budgets": verdicts,
        });
        let text = serde_json::to_string_pretty(&report)? + "\n";
        #[expect(
            clippy::disallowed_methods,
            reason = "a report, which a rerun makes again"
        )]
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; load afterwards {}", self.machine, self.load_after)?;
        for table in [&self.entities, &self.containers, &self.busy, &self.system] {
            if !table.is_empty() {
                write!(f, "\n{table}")?;
            }
        }
        for note in &self.notes {
            write!(f, "\n- {note}")?;
        }
        if !self.verdicts.is_empty() {
            write!(f, "\n{}", Verdict::table(&self.verdicts))?;
        }
        Ok(())
    }
}
