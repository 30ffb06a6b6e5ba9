use super::*;

/// What OpenZFS 2.3 prints for `zfs get -j -p`, shortened.
const PRINTED: &str = r#"{
  "output_version": {"command": "zfs get", "vers_major": 0, "vers_minor": 1},
  "datasets": {
    "tank/a-c": {"name": "tank/a-c", "type": "FILESYSTEM", "pool": "tank", "createtxg": "9",
      "properties": {
        "guid": {"value": "7", "source": {"type": "NONE", "data": "-"}},
        "creation": {"value": "1764160000", "source": {"type": "NONE", "data": "-"}},
        "origin": {"value": "tank/a@s", "source": {"type": "NONE", "data": "-"}},
        "keystatus": {"value": "unavailable", "source": {"type": "NONE", "data": "-"}}}},
    "tank/a/b": {"name": "tank/a/b", "type": "FILESYSTEM", "pool": "tank", "createtxg": "8",
      "properties": {
        "guid": {"value": "6", "source": {"type": "NONE", "data": "-"}},
        "creation": {"value": "1764160000", "source": {"type": "NONE", "data": "-"}},
        "used": {"value": "98304", "source": {"type": "NONE", "data": "-"}},
        "quota": {"value": "1048576", "source": {"type": "LOCAL", "data": "-"}},
        "a:b": {"value": "1 2\n3", "source": {"type": "LOCAL", "data": "-"}}}},
    "tank/a": {"name": "tank/a", "type": "FILESYSTEM", "pool": "tank", "createtxg": "7",
      "properties": {
        "guid": {"value": "5", "source": {"type": "NONE", "data": "-"}},
        "creation": {"value": "1764160000", "source": {"type": "NONE", "data": "-"}}}},
    "tank/with space": {"name": "tank/with space", "type": "FILESYSTEM", "properties": {}}
  }
}"#;

#[test]
fn parents_come_first_and_strangers_not_at_all() {
    let found = datasets(PRINTED.as_bytes()).unwrap();
    let names: Vec<_> = found.iter().map(|d| d.info.name.as_str()).collect();
    assert_eq!(names, ["tank/a", "tank/a/b", "tank/a-c"]);
    let [_, b, c] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(b.info.quota, Some(ByteSize::mib(1)));
    assert_eq!(b.info.used, Some(ByteSize(98304)));
    assert_eq!(b.info.properties.values().collect::<Vec<_>>(), ["1 2\n3"]);
    assert_eq!(c.info.origin.as_ref().unwrap().as_str(), "tank/a@s");
    assert!(c.locked && !b.locked);
}

#[test]
fn what_lacks_a_guid_is_an_error() {
    let cut = PRINTED.replace("\"guid\"", "\"other\"");
    datasets(cut.as_bytes()).unwrap_err();
    datasets(b"").unwrap_err();
}

#[test]
fn snapshots_are_sorted_by_age_in_the_order_of_datasets() {
    let text = "tank/a@z\t1\t12\t1764160000\t0\t24576\t-\n\
                tank/a@a\t2\t13\t1764160000\t0\t24576\ttank/x,tank/y\n\
                tank@b\t3\t14\t1764160000\t0\t24576\t-\n";
    let found = snapshots(text).unwrap();
    let names: Vec<_> = found.iter().map(|s| s.info.name.as_str()).collect();
    assert_eq!(names, ["tank@b", "tank/a@z", "tank/a@a"]);
    assert_eq!(found[2].info.clones.len(), 2);
    snapshots("tank@b\t3\n").unwrap_err();
}
