//! Keyed parts in documents.

use os_api::part::{Keyed, Part, PartEntry, Prlimits};

use super::{ContainerDoc, GroupDoc, PoolDoc};

/// A document with a table of the part `P`.
pub trait Holds<P: Part> {
    /// Its own entries.
    fn entries(&self) -> &Keyed<P>;
    /// Its own entries, to change them.
    fn entries_mut(&mut self) -> &mut Keyed<P>;
}

/// A part that containers, groups and pools have.
pub trait Inherited: Part
where
    ContainerDoc: Holds<Self>,
    GroupDoc: Holds<Self>,
    PoolDoc: Holds<Self>,
{
}

/// The entries without their origin.
pub fn values<P: Part>(entries: &[PartEntry<P>]) -> Keyed<P> {
    let pair = |entry: &PartEntry<P>| (entry.key.clone(), entry.value.clone());
    entries.iter().map(pair).collect()
}

/// Says in which field of the documents a part is.
macro_rules! inherited {
    ($($part:ident in $field:ident;)*) => {$(
        inherited!(@ $part $field ContainerDoc GroupDoc PoolDoc);
        impl Inherited for $part {}
    )*};
    (@ $part:ident $field:ident $($doc:ident)*) => {$(
        impl Holds<$part> for $doc {
            fn entries(&self) -> &Keyed<$part> {
                &self.$field
            }

            fn entries_mut(&mut self) -> &mut Keyed<$part> {
                &mut self.$field
            }
        }
    )*};
}

inherited! {
    Prlimits in prlimits;
}
