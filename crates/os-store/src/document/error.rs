//! What can be wrong with a document, and on which line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use os_types::{Code, Explain};

use super::migration::one_line;
use super::{Document, MigrationError};
use crate::error::FileError;

/// A document that cannot be read or written.
///
/// It does not contain the path: callers add it with [`DocumentError::at`], as
/// `conf/user/alice.toml:7: unknown field ...`.
#[derive(Debug, thiserror::Error)]
pub struct DocumentError {
    /// What the document describes ([`Document::KIND`]).
    pub kind: &'static str,
    /// The line to blame, counted from 1; None if there is no single one.
    pub line: Option<usize>,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a document.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not TOML, or not UTF-8.
    #[error("syntax error: {0}")]
    Syntax(String),
    /// TOML, but an unknown key, a missing key, or a value that is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// The text does not begin with its schema.
    #[error("no `schema` key, expected `schema = {supported}` as the first line")]
    NoSchema {
        /// The schema this program writes.
        supported: u32,
    },
    /// The text does not end as every document does.
    #[error("the file is cut off: its last line is not `# end`")]
    CutOff,
    /// Written by a newer osctld.
    #[error(
        "schema {found} is newer than schema {supported}, the newest this osctld reads; run the \
         osctld that wrote it, or let that one migrate it down to schema {supported}"
    )]
    TooNew {
        /// The schema of the text.
        found: u32,
        /// The schema this program reads and writes.
        supported: u32,
    },
    /// No way from the schema of the text to the wanted one.
    #[error(transparent)]
    Migration(MigrationError),
    /// The value has no TOML form: a fault of the type, not of a file.
    #[error("cannot be written as TOML: {0}")]
    Unwritable(String),
}

/// A document file that cannot be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file was read, and it is wrong.
    #[error("{}", error.at(path))]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Not a source: the message shows it whole, after path and line.
        error: DocumentError,
    },
}

impl DocumentError {
    pub(super) fn new<T: Document>(fault: Fault) -> Self {
        Self {
            kind: T::KIND,
            line: None,
            fault,
        }
    }

    pub(super) fn on_line(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    pub(super) fn at_offset(self, text: &str, offset: usize) -> Self {
        self.on_line(line_of(text.as_bytes(), offset))
    }

    pub(super) fn from_toml<T: Document>(text: &str, error: &toml::de::Error) -> Self {
        let message = one_line(error.message());
        // The parser and the types speak through one error; whether the text parses tells which.
        let fault = match toml::de::DeTable::parse(text) {
            Ok(_) => Fault::Invalid(message),
            Err(_) => Fault::Syntax(message),
        };
        let this = Self::new::<T>(fault);
        // A missing key blames the line of the table that lacks it: 1 for the document itself.
        match error.span() {
            Some(span) => this.at_offset(text, span.start),
            None => this,
        }
    }

    pub(super) fn not_utf8<T: Document>(bytes: &[u8], error: Utf8Error) -> Self {
        Self::new::<T>(Fault::Syntax(error.to_string()))
            .on_line(line_of(bytes, error.valid_up_to()))
    }

    /// The message with its place in front: `PATH:LINE: KIND: what is wrong`.
    pub fn at<'a>(&'a self, path: &'a Path) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            write!(f, "{}:", path.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            write!(f, " {}: {}", self.kind, self.fault)
        })
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

/// The line of a byte, counted from 1.
fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
}

impl Explain for DocumentError {
    fn code(&self) -> Code {
        match self.fault {
            Fault::TooNew { .. } => Code::PoolSchema,
            _ => Code::Damaged,
        }
    }
}

impl Explain for LoadError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Document { error, .. } => error.code(),
        }
    }
}
