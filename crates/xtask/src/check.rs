//! The list of checks.

use crate::report::Finding;
use crate::tree::Tree;

mod adr;
mod api;
mod dependencies;
mod file_length;
mod file_name;
mod language;
mod layers;
mod links;
mod modules;
mod openapi;
mod unsafe_code;

/// One rule of the repository.
#[derive(Debug)]
pub(crate) struct Check {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// The rule, as a sentence.
    pub(crate) rule: &'static str,
    /// Finds what breaks the rule.
    pub(crate) run: fn(&Tree) -> Vec<Finding>,
}

/// Every check, in the order in which they run.
pub(crate) const ALL: &[Check] = &[
    Check {
        name: "layers",
        rule: "crates depend on lower layers only (ADR-6)",
        run: layers::check,
    },
    Check {
        name: "modules",
        rule: "modules of a crate do not use each other both ways",
        run: modules::check,
    },
    Check {
        name: "file-length",
        rule: "a file has at most 700 lines, usually 400 without tests",
        run: file_length::check,
    },
    Check {
        name: "file-name",
        rule: "a file is called after its noun; no mod.rs, utils, common, helpers",
        run: file_name::check,
    },
    Check {
        name: "unsafe-code",
        rule: "every crate but os-sys forbids unsafe code",
        run: unsafe_code::check,
    },
    Check {
        name: "links",
        rule: "links in the book and the README lead somewhere; every page is in SUMMARY.md",
        run: links::check,
    },
    Check {
        name: "language",
        rule: "prose uses no stock phrase that has to be read twice",
        run: language::check,
    },
    Check {
        name: "adr",
        rule: "decision records have unique numbers; those cited in code exist",
        run: adr::check,
    },
    Check {
        name: "dependencies",
        rule: "every external crate has a line in ADR-7",
        run: dependencies::check,
    },
    Check {
        name: "api",
        rule: "operations of the API have names, tags and summaries of one style; all errors are documented",
        run: api::check,
    },
    Check {
        name: "openapi",
        rule: "docs/openapi.json is the OpenAPI document that the code makes",
        run: openapi::check,
    },
];
