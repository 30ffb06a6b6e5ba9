//! Typed TOML documents that say which schema they are written in.
//!
//! A document begins with `schema = N`. Reading one of this schema checks every key; an older one
//! is carried up by its [`Migration`]s first; a newer one is refused with the way out. Writing
//! renders the whole file, so comments made by hand are lost at the next change.

mod error;
mod migration;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

pub use error::{DocumentError, Fault, LoadError};
pub use migration::{Conversion, Migration, MigrationError};
pub use toml::{Table, Value};

use crate::atomic::{self, Attributes, Change};

/// The key that every document begins with.
const SCHEMA_KEY: &str = "schema";

/// The line that every document ends with. TOML that was cut off at the end of a line is still
/// TOML: without this line a user would lose its block of ids, or a range its allocations.
const END: &str = "# end";

/// A type that is kept in a file of its own.
///
/// Derive its `Deserialize` with `#[serde(deny_unknown_fields)]`, in the types it contains too:
/// a misspelt key must not pass for an absent one. The type has no field `schema` itself.
pub trait Document: Serialize + DeserializeOwned {
    /// The schema this type is.
    const SCHEMA: u32;
    /// What the document describes, for messages: `user`, `pool settings`.
    const KIND: &'static str;

    /// The steps from the oldest schema still read to [`Document::SCHEMA`], in order.
    fn migrations() -> &'static [Migration] {
        &[]
    }
}

/// Reads a document from text of its own schema or an older one.
///
/// # Errors
/// [`DocumentError`], with the line wherever the text has one to blame. Values reached through a
/// migration have no line.
pub fn parse<T: Document>(text: &str) -> Result<T, DocumentError> {
    let fail = |error: toml::de::Error| DocumentError::from_toml::<T>(text, &error);
    let mut table = DeTable::parse(text).map_err(fail)?;
    let found = take_schema::<T>(text, &mut table)?;
    if found == T::SCHEMA {
        let document = T::deserialize(toml::de::Deserializer::from(table)).map_err(fail)?;
        return whole::<T>(text).map(|()| document);
    }
    if found > T::SCHEMA {
        return Err(DocumentError::new::<T>(Fault::TooNew {
            found,
            supported: T::SCHEMA,
        }));
    }
    whole::<T>(text)?;
    let old = Table::deserialize(toml::de::Deserializer::from(table)).map_err(fail)?;
    let new = migration::walk(T::migrations(), old, found, T::SCHEMA)
        .map_err(|error| DocumentError::new::<T>(Fault::Migration(error)))?;
    T::deserialize(new).map_err(|error| {
        DocumentError::new::<T>(Fault::Invalid(migration::one_line(error.message())))
    })
}

/// Refuses a text that was cut off where its syntax does not show it.
fn whole<T: Document>(text: &str) -> Result<(), DocumentError> {
    let mut lines = text.lines().map(str::trim_end);
    if lines.rfind(|line| !line.is_empty()) == Some(END) {
        return Ok(());
    }
    Err(DocumentError::new::<T>(Fault::CutOff).on_line(text.lines().count().max(1)))
}

/// The schema a text says it is written in, whatever the rest of it holds.
pub fn schema_of<T: Document>(text: &str) -> Result<u32, DocumentError> {
    let mut table =
        DeTable::parse(text).map_err(|error| DocumentError::from_toml::<T>(text, &error))?;
    take_schema::<T>(text, &mut table)
}

/// Renders a document, `schema = N` first and `# end` last.
pub fn render<T: Document>(document: &T) -> Result<String, DocumentError> {
    let body = toml::to_string(document)
        .map_err(|error| DocumentError::new::<T>(Fault::Unwritable(error.to_string())))?;
    Ok(format!("{SCHEMA_KEY} = {}\n{body}{END}\n", T::SCHEMA))
}

/// Renders a document in an older schema, for a pool that goes back to an older osctld.
///
/// # Errors
/// [`Fault::Migration`] if there is no way down, or if it would lose something.
pub fn render_at<T: Document>(document: &T, schema: u32) -> Result<String, DocumentError> {
    if schema == T::SCHEMA {
        return render(document);
    }
    let unwritable =
        |error: toml::ser::Error| DocumentError::new::<T>(Fault::Unwritable(error.to_string()));
    let table = Table::try_from(document).map_err(unwritable)?;
    let old = migration::walk(T::migrations(), table, T::SCHEMA, schema)
        .map_err(|error| DocumentError::new::<T>(Fault::Migration(error)))?;
    let body = toml::to_string(&old).map_err(unwritable)?;
    Ok(format!("{SCHEMA_KEY} = {schema}\n{body}{END}\n"))
}

/// Reads the document in a file; None if there is no file.
pub fn load<T: Document>(path: &Path) -> Result<Option<T>, LoadError> {
    let Some(bytes) = atomic::read(path)? else {
        return Ok(None);
    };
    let at = |error| LoadError::Document {
        path: path.to_owned(),
        error,
    };
    let text =
        str::from_utf8(&bytes).map_err(|error| at(DocumentError::not_utf8::<T>(&bytes, error)))?;
    parse(text).map(Some).map_err(at)
}

/// Writes a document to a file, as [`atomic::replace`] does.
pub fn save<T: Document>(
    path: &Path,
    document: &T,
    attributes: Attributes,
) -> Result<Change, LoadError> {
    let text = render(document).map_err(|error| LoadError::Document {
        path: path.to_owned(),
        error,
    })?;
    Ok(atomic::replace(path, text.as_bytes(), attributes)?)
}

/// Takes the schema out of the table, which then holds what the type knows.
fn take_schema<T: Document>(
    text: &str,
    table: &mut toml::Spanned<DeTable<'_>>,
) -> Result<u32, DocumentError> {
    let Some(value) = table.get_mut().remove(SCHEMA_KEY) else {
        return Err(DocumentError::new::<T>(Fault::NoSchema {
            supported: T::SCHEMA,
        })
        .on_line(1));
    };
    let number = value
        .get_ref()
        .as_integer()
        .and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok())
        .filter(|number| *number > 0);
    number.ok_or_else(|| {
        let fault = Fault::Invalid("`schema` must be a whole number from 1 up".to_owned());
        DocumentError::new::<T>(fault).at_offset(text, value.span().start)
    })
}
