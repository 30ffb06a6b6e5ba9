use std::path::Path;

use os_store::document::parse;
use os_types::id_table::Allocation;
use os_types::{IdMap, IdMapEntry, IdTable, Presence};

use super::*;

fn map(text: &str) -> IdMap {
    let entries: Vec<IdMapEntry> = text.split(' ').map(|e| e.parse().unwrap()).collect();
    entries.try_into().unwrap()
}

fn same<T: Document + PartialEq + std::fmt::Debug>(document: &T, expected: &str) {
    assert_eq!(text(document), expected);
    assert_eq!(&parse::<T>(expected).unwrap(), document);
}

fn wrong<T: Document + std::fmt::Debug>(text: &str) -> String {
    let error = parse::<T>(text).unwrap_err();
    error.at(Path::new("f")).to_string()
}

#[test]
fn defaults_are_left_out() {
    same(&PoolDoc::default(), "schema = 2\n# end\n");
    same(&GroupDoc::default(), "schema = 2\n# end\n");
    let user = UserDoc::new(map("0:1000000:65536"), map("0:1000000:65536"));
    same(
        &user,
        "schema = 1\nuid_map = [\"0:1000000:65536\"]\n# end\n",
    );
    assert_eq!(user.gid_map(), &user.uid_map);
}

#[test]
fn a_full_user_reads_well() {
    let mut user = UserDoc::new(map("0:1000000:10 10:2000000:5"), map("0:1000000:10"));
    user.standalone = false;
    user.block = Some(UserBlock {
        id_range: "default".parse().unwrap(),
        index: 3,
    });
    user.attrs
        .insert("org.example:role".parse().unwrap(), "a \"web\"\n".into());
    same(
        &user,
        "schema = 1\nuid_map = [\"0:1000000:10\", \"10:2000000:5\"]\ngid_map = [\"0:1000000:10\"]\n\
         standalone = false\n\n[block]\nid_range = \"default\"\nindex = 3\n\n\
         [attrs]\n\"org.example:role\" = \"\"\"\na \"web\"\n\"\"\"\n# end\n",
    );
}

#[test]
fn an_id_range_keeps_its_table() {
    let mut range = IdRangeDoc::new(IdTable::new(1000, 10, 100).unwrap());
    range.table.take(4, 2, Some("web".into())).unwrap();
    range.table.take(0, 1, None).unwrap();
    same(
        &range,
        "schema = 1\nstart_id = 1000\nblock_size = 10\nblock_count = 100\n\n\
         [[allocations]]\nblock_index = 0\nblock_count = 1\n\n\
         [[allocations]]\nblock_index = 4\nblock_count = 2\nowner = \"web\"\n# end\n",
    );
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    let message = wrong::<UserDoc>("schema = 1\nuid_map = [\"0:1:1\", \"0:2:1\"]\n");
    assert!(message.starts_with("f:2: user: "), "{message}");
    let message = wrong::<PoolDoc>("schema = 2\nparallel_start = 0\n");
    assert!(message.starts_with("f:2: pool settings: "), "{message}");
    let message = wrong::<IdRangeDoc>(
        "schema = 1\nstart_id = 1\nblock_size = 1\nblock_count = 1\n\
         [[allocations]]\nblock_index = 7\nblock_count = 1\n",
    );
    assert!(message.contains("blocks 7 to 7"), "{message}");
    let message = wrong::<GroupDoc>("schema = 2\n[attrs]\nrole = \"x\"\n");
    assert!(message.contains("vendor:key"), "{message}");
}

#[test]
fn blocks_move_between_two_states_only() {
    let range = IdRangeDoc::new(IdTable::new(1000, 10, 100).unwrap());
    let wanted = Allocation {
        block_index: 3,
        block_count: 2,
        owner: Some("web".into()),
    };
    assert_eq!(range.with_blocks(&wanted, Presence::Absent), Ok(None));
    let taken = range
        .with_blocks(&wanted, Presence::Present)
        .unwrap()
        .unwrap();
    assert_eq!(taken.with_blocks(&wanted, Presence::Present), Ok(None));
    assert_eq!(taken.allocation_at(4), Some(&wanted));
    assert_eq!(taken.allocation_at(5), None);
    let back = taken.with_blocks(&wanted, Presence::Absent).unwrap();
    assert_eq!(back, Some(range));
    let other = Allocation {
        owner: None,
        ..wanted
    };
    taken.with_blocks(&other, Presence::Present).unwrap_err();
    taken.with_blocks(&other, Presence::Absent).unwrap_err();
}
