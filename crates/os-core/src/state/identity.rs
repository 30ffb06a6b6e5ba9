//! Readable parts of a file that is damaged or was written by a later version. The owner, the dataset
//! and the ids of its entity stay in force.

use std::borrow::Cow;
use std::str::FromStr;

use os_store::document::{Table, Value};
use os_types::{Code, DatasetName, GroupName, IdMap, IdTable, UserName};

use super::Entry;
use crate::document::{ContainerDoc, IdRangeDoc, UserDoc, UserIds};

impl<T> Entry<T> {
    /// Whether a later version has written the file. Then nothing of osctl changes or removes it.
    pub fn is_newer(&self) -> bool {
        let failure = self.failure();
        failure.is_some_and(|failure| failure.code == Code::PoolSchema)
    }

    /// The keys of a file that cannot be read as a whole.
    fn table(&self) -> Option<Table> {
        self.text()?.parse().ok()
    }
}

/// A value that has kept its key and form.
fn value<V: FromStr>(table: &Table, key: &str) -> Option<V> {
    table.get(key)?.as_str()?.parse().ok()
}

fn number(table: &Table, key: &str) -> Option<u32> {
    table.get(key)?.as_integer()?.try_into().ok()
}

impl Entry<ContainerDoc> {
    /// The user, as far as the file can be read.
    pub fn user(&self) -> Option<UserName> {
        let doc = self.doc().map(|doc| doc.user.clone());
        doc.or_else(|| value(&self.table()?, "user"))
    }

    /// The group, as far as the file can be read.
    pub fn group(&self) -> Option<GroupName> {
        let doc = self.doc().map(|doc| doc.group.clone());
        doc.or_else(|| value(&self.table()?, "group"))
    }

    /// The dataset of its root if it is not the default one, as far as the file can be read.
    pub fn dataset(&self) -> Option<DatasetName> {
        match self.doc() {
            Some(doc) => doc.dataset.clone(),
            None => value(&self.table()?, "dataset"),
        }
    }
}

impl Entry<UserDoc> {
    /// The maps, as far as the file can be read.
    pub fn ids(&self) -> Option<UserIds> {
        if let Some(doc) = self.doc() {
            return Some(UserIds::new(&doc.uid_map, doc.gid_map()));
        }
        let table = self.table()?;
        let map = |key: &str| table.get(key)?.clone().try_into::<IdMap>().ok();
        let uid_map = map("uid_map")?;
        let gid_map = map("gid_map").unwrap_or_else(|| uid_map.clone());
        Some(UserIds::new(&uid_map, &gid_map))
    }
}

impl Entry<IdRangeDoc> {
    /// The table of blocks, as far as the file can be read.
    pub fn blocks(&self) -> Option<Cow<'_, IdTable>> {
        if let Some(doc) = self.doc() {
            return Some(Cow::Borrowed(&doc.table));
        }
        let file = self.table()?;
        let [start, size, count] = ["start_id", "block_size", "block_count"];
        let (start, size, count) = (
            number(&file, start)?,
            number(&file, size)?,
            number(&file, count)?,
        );
        let mut blocks = IdTable::new(start, size, count).ok()?;
        let rows = file.get("allocations").and_then(Value::as_array);
        for row in rows.into_iter().flatten().filter_map(Value::as_table) {
            if let (Some(index), Some(count)) =
                (number(row, "block_index"), number(row, "block_count"))
            {
                // One that overlaps another has ids that are claimed already.
                drop(blocks.take(index, count, value(row, "owner")));
            }
        }
        Some(Cow::Owned(blocks))
    }
}
