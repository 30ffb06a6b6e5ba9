//! Parameters of an entity: declared once, used by every listing.

use os_api::view::Attrs;
use os_types::Failure;
use serde::Serialize;

use super::Value;

/// A parameter: `pool`, `name`, `memory`, ...
#[derive(Debug)]
pub(crate) struct Column<T: 'static> {
    /// Its name in `-o` and in JSON, its label in upper case.
    pub(crate) name: &'static str,
    /// The member of the daemon's JSON that is its value in JSON; `None`: what is shown, raw.
    pub(crate) member: Option<&'static str>,
    /// How to read it.
    pub(crate) read: fn(&T) -> Value,
    /// Shown by `ls` without `-o`.
    pub(crate) is_default: bool,
    /// A terminal that is too narrow for a table shows only the beginning of this.
    pub(crate) is_cut: bool,
}

impl<T> Column<T> {
    /// A parameter that `ls` shows.
    pub(crate) const fn main(name: &'static str, read: fn(&T) -> Value) -> Self {
        Self {
            name,
            member: Some(name),
            read,
            is_default: true,
            is_cut: false,
        }
    }

    /// A parameter that `ls` shows only when asked with `-o`.
    pub(crate) const fn more(name: &'static str, read: fn(&T) -> Value) -> Self {
        Self {
            is_default: false,
            ..Self::main(name, read)
        }
    }

    /// A parameter that the daemon's JSON calls `member`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the temporary column has no other use"
    )]
    pub(crate) const fn of(member: &'static str, column: Self) -> Self {
        Self {
            member: Some(member),
            ..column
        }
    }

    /// A parameter of which a narrow terminal shows only the beginning.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the temporary column has no other use"
    )]
    pub(crate) const fn cut(column: Self) -> Self {
        Self {
            is_cut: true,
            ..column
        }
    }

    /// A parameter that is not what the daemon's JSON has under its name.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the temporary column has no other use"
    )]
    pub(crate) const fn derived(column: Self) -> Self {
        Self {
            member: None,
            ..column
        }
    }
}

/// What can be listed.
pub(crate) trait Row: Serialize + Sized + 'static {
    /// Its parameters in their order.
    const COLUMNS: &'static [Column<Self>];

    /// Its user attributes, which are further columns; `None` for what has none.
    fn attrs(&self) -> Option<&Attrs> {
        None
    }

    /// Why it cannot be used, if so.
    fn failure(&self) -> Option<&Failure> {
        None
    }
}

/// A parameter that was selected.
#[derive(Debug)]
pub(crate) enum Pick<T: 'static> {
    /// One of the entity's own.
    Column(&'static Column<T>),
    /// A user attribute, by its key.
    Attr(String),
}

impl<T: Row> Pick<T> {
    /// The label above it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Column(column) => column.name.to_ascii_uppercase(),
            // Keys of attributes tell upper and lower case apart.
            Self::Attr(key) => key.clone(),
        }
    }

    /// The name in `-o`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Column(column) => column.name,
            Self::Attr(key) => key,
        }
    }

    /// Its value in a row.
    pub(crate) fn value(&self, row: &T) -> Value {
        match self {
            Self::Column(column) => (column.read)(row),
            Self::Attr(key) => {
                let attrs = row.attrs().into_iter().flatten();
                let mut found = attrs.filter(|(name, _)| name.as_str() == key);
                found.next().map(|(_, value)| super::text(value)).into()
            }
        }
    }
}

impl<T> Clone for Pick<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Column(column) => Self::Column(column),
            Self::Attr(key) => Self::Attr(key.clone()),
        }
    }
}
