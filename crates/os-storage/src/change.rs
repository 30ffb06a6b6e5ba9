//! What an operation changed.

/// What an operation changed; the same operation again is [`Change::Unchanged`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The wanted state was there already.
    Unchanged,
    /// The thing was made (or opened, or attached).
    Created,
    /// The thing was there and is different now.
    Changed,
    /// The thing is gone (or closed).
    Removed,
}

impl Change {
    /// Whether anything happened.
    pub fn is_change(self) -> bool {
        self != Self::Unchanged
    }
}
