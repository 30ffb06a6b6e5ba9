//! An entity's file as it was read: fine, or damaged.

use std::sync::Arc;

use os_types::Failure;

/// What the file of an entity holds.
#[derive(Debug)]
pub enum Entry<T> {
    /// It could be read.
    Ok(Arc<Loaded<T>>),
    /// It could not; the entity is there, but cannot be used or changed, only deleted.
    Damaged(Arc<Damage>),
}

/// A document and the text it was read from, comments and all: a step that changes the file has to
/// find that very text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What it says.
    pub doc: T,
    /// The text of the file.
    pub text: String,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// File, line, reason and the next command.
    pub failure: Failure,
    /// The text of the file, if it is text at all; without it the file cannot be put back, so no
    /// step can remove it.
    pub text: Option<String>,
}

// Derived it would ask for `T: Clone`, although only the share is copied.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Ok(loaded) => Self::Ok(Arc::clone(loaded)),
            Self::Damaged(damage) => Self::Damaged(Arc::clone(damage)),
        }
    }
}

impl<T> Entry<T> {
    /// The document, if it could be read.
    pub fn doc(&self) -> Option<&T> {
        self.usable().ok().map(|loaded| &loaded.doc)
    }

    /// The text of the file, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Ok(loaded) => Some(&loaded.text),
            Self::Damaged(damage) => damage.text.as_deref(),
        }
    }

    /// What is wrong with the file.
    pub fn failure(&self) -> Option<&Failure> {
        self.usable().err()
    }

    /// The document and its text, or what is wrong with them.
    pub fn usable(&self) -> Result<&Loaded<T>, &Failure> {
        match self {
            Self::Ok(loaded) => Ok(loaded),
            Self::Damaged(damage) => Err(&damage.failure),
        }
    }
}
