use std::fs;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const MODE: Attributes = Attributes::mode(0o600);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    step: String,
    number: u32,
}

fn entry(number: u32) -> Entry {
    Entry {
        step: "make\nit".to_owned(),
        number,
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("op.jsonl");
    (folder, path)
}

fn put(path: &Path, content: &[u8]) {
    atomic::replace(path, content, MODE).unwrap();
}

#[test]
fn records_come_back_in_order() {
    let (_folder, path) = folder();
    assert!(read::<Entry>(&path).unwrap().is_none());
    let mut log = Log::open(&path, MODE).unwrap();
    log.append(&[entry(1), entry(2)]).unwrap();
    log.append(&[entry(3)]).unwrap();
    log.sync().unwrap();
    assert_eq!(log.length, fs::metadata(&path).unwrap().len());
    let found = read::<Entry>(&path).unwrap().unwrap();
    assert_eq!(
        found,
        Records {
            records: vec![entry(1), entry(2), entry(3)],
            tail: Tail::Whole
        }
    );
}

#[test]
fn a_name_that_is_not_trusted_is_made_durable_once() {
    let (_folder, path) = folder();
    let mut log = Log::open(&path, MODE).unwrap();
    assert!(log.is_new());
    // As if killed before the sync.
    log.append(&[entry(1)]).unwrap();
    let mut log = Log::open(&path, MODE).unwrap();
    assert!(!log.is_new());
    log.distrust_name();
    log.append(&[entry(2)]).unwrap();
    assert!(log.is_new());
    log.sync().unwrap();
    assert!(!log.is_new());
}

#[test]
fn a_torn_last_line_is_reported_then_cut() {
    for torn in [
        &b"{\"step\":\"x\",\"nu"[..],
        b"{\"step\":\"x\",\"number\":3}",
        b"\0\0\0\0\n",
        b"\n",
    ] {
        let (_folder, path) = folder();
        let mut content = b"{\"step\":\"x\",\"number\":1}\n".to_vec();
        content.extend_from_slice(torn);
        put(&path, &content);
        let found = read::<Entry>(&path).unwrap().unwrap();
        assert_eq!(
            (found.records.len(), found.tail),
            (1, Tail::Torn { line: 2 })
        );
        Log::open(&path, MODE).unwrap().append(&[entry(2)]).unwrap();
        let found = read::<Entry>(&path).unwrap().unwrap();
        assert_eq!((found.records.len(), found.tail), (2, Tail::Whole));
    }
}

#[test]
fn an_invalid_earlier_line_is_an_error_with_its_number() {
    let (_folder, path) = folder();
    put(
        &path,
        b"{\"step\":\"x\",\"number\":1}\n{\"st\n{\"step\":\"x\",\"number\":1}\n",
    );
    let error = read::<Entry>(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}:2: not a valid record", path.display())
    );
    put(&path, b"{\"of\":\"another program\"}\n");
    assert!(matches!(
        read::<Entry>(&path),
        Err(JsonlError::Record { line: 1, .. })
    ));
}

#[test]
fn a_last_line_longer_than_the_first_look_is_found() {
    let (_folder, path) = folder();
    let long = Entry {
        step: "x".repeat(100_000),
        number: 2,
    };
    let mut log = Log::open(&path, MODE).unwrap();
    log.append(&[entry(1), long.clone()]).unwrap();
    let whole = log.length;
    assert_eq!(Log::open(&path, MODE).unwrap().length, whole);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(whole - 1)
        .unwrap();
    Log::open(&path, MODE).unwrap().append(&[entry(3)]).unwrap();
    assert_eq!(
        read::<Entry>(&path).unwrap().unwrap().records,
        [entry(1), entry(3)]
    );
}

proptest! {
    #[test]
    fn any_cut_loses_at_most_what_was_cut(steps in prop::collection::vec(".{0,20}", 1..6), cut: u16) {
        let (_folder, path) = folder();
        let records: Vec<_> =
            steps.into_iter().zip(0..).map(|(step, number)| Entry { step, number }).collect();
        let mut log = Log::open(&path, MODE).unwrap();
        log.append(&records).unwrap();
        let length = u64::from(cut) % (log.length + 1);
        File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        let found = read::<Entry>(&path).unwrap().unwrap();
        prop_assert_eq!(&found.records[..], &records[..found.records.len()]);
        let mut log = Log::open(&path, MODE).unwrap();
        log.append(&[entry(7)]).unwrap();
        let again = read::<Entry>(&path).unwrap().unwrap();
        prop_assert_eq!(again.records.len(), found.records.len() + 1);
        prop_assert_eq!(again.tail, Tail::Whole);
    }
}
