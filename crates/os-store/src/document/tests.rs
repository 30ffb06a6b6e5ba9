use std::path::Path;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: String,
    standalone: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    maps: Vec<Map>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    start: Id,
    count: u32,
}

/// A checked newtype, as all ids of the project are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "i64")]
struct Id(u32);

impl TryFrom<i64> for Id {
    type Error = String;
    fn try_from(value: i64) -> Result<Self, String> {
        u32::try_from(value)
            .map(Self)
            .map_err(|error| format!("{value} is not an id: {error}"))
    }
}

/// Schema 1 had no `standalone`.
const MIGRATIONS: &[Migration] = &[Migration {
    from: 1,
    to: 2,
    up: |mut table| {
        table.insert("standalone".to_owned(), true.into());
        Ok(table)
    },
    down: |mut table| match table.remove("standalone") {
        Some(Value::Boolean(true)) => Ok(table),
        _ => Err("schema 1 knows standalone users only".to_owned()),
    },
}];

impl Document for User {
    const SCHEMA: u32 = 2;
    const KIND: &'static str = "user";
    fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }
}

fn alice() -> User {
    let maps = vec![Map {
        start: Id(100_000),
        count: 65_536,
    }];
    User {
        name: "alice".to_owned(),
        standalone: true,
        maps,
    }
}

/// The message as a caller shows it.
fn message(text: &str) -> String {
    let error = parse::<User>(text).unwrap_err();
    error.at(Path::new("conf/user/alice.toml")).to_string()
}

#[test]
fn a_document_begins_with_its_schema_and_reads_back() {
    let text = render(&alice()).unwrap();
    assert_eq!(
        text,
        "schema = 2\nname = \"alice\"\nstandalone = true\n\n\
         [[maps]]\nstart = 100000\ncount = 65536\n# end\n"
    );
    assert_eq!(parse::<User>(&text).unwrap(), alice());
    assert_eq!(schema_of::<User>(&text).unwrap(), 2);
}

#[test]
fn faults_name_their_line() {
    let unknown = message("schema = 2\nname = 'a'\nstandalone = true\n\nshoe_size = 7\n");
    assert!(
        unknown.starts_with("conf/user/alice.toml:5: user: unknown field `shoe_size`"),
        "{unknown}"
    );
    let nested = "schema = 2\nname = 'a'\nstandalone = true\n[[maps]]\nstart = 1\ncunt = 2\n";
    assert!(
        message(nested).contains(":6: user: unknown field `cunt`"),
        "{}",
        message(nested)
    );
    let range = "schema = 2\nname = 'a'\nstandalone = true\n[[maps]]\nstart = -1\ncount = 2\n";
    assert!(
        message(range).contains(":5: user: -1 is not an id"),
        "{}",
        message(range)
    );
    let cut = message("schema = 2\nname = 'a'\nstanda");
    assert!(cut.contains(":3: user: syntax error"), "{cut}");
    let missing = message("schema = 2\nname = 'a'\n");
    assert_eq!(
        missing,
        "conf/user/alice.toml:1: user: missing field `standalone`"
    );
    let wrong_type = message("schema = 2\nname = 'a'\nstandalone = 3\n");
    assert!(
        wrong_type.contains(":3: user: invalid type: integer `3`"),
        "{wrong_type}"
    );
    assert!(!cut.contains('\n'));
}

#[test]
fn the_schema_must_be_there_and_readable() {
    assert!(message("name = 'a'\n").contains(":1: user: no `schema` key"));
    for bad in ["0", "-1", "'2'", "2.0", "99999999999"] {
        let text = format!("# by hand\nschema = {bad}\n");
        assert!(
            message(&text).contains(":2: user: `schema` must be"),
            "{}",
            message(&text)
        );
    }
    let newer = message("schema = 7\nwhatever = 1\n");
    assert!(newer.contains("schema 7 is newer than schema 2"), "{newer}");
    assert!(newer.contains("migrate it down"), "{newer}");
}

#[test]
fn an_older_schema_goes_up_and_comes_down() {
    let old = "schema = 1\nname = \"alice\"\n\n[[maps]]\nstart = 100000\ncount = 65536\n# end\n";
    assert_eq!(parse::<User>(old).unwrap(), alice());
    // Tables are sorted: the order of keys is the type's in its own schema only.
    let sorted = "schema = 1\nname = \"alice\"\n\n[[maps]]\ncount = 65536\nstart = 100000\n# end\n";
    assert_eq!(render_at(&alice(), 1).unwrap(), sorted);
}

#[test]
fn what_an_older_schema_cannot_hold_is_refused() {
    let error = render_at(
        &User {
            standalone: false,
            ..alice()
        },
        1,
    )
    .unwrap_err();
    assert!(error.fault.to_string().contains("standalone users only"));
    let error = render_at(&alice(), 0).unwrap_err();
    assert!(matches!(
        error.fault,
        Fault::Migration(MigrationError::NoStep { stuck: 1, .. })
    ));
}

#[test]
fn files_load_and_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alice.toml");
    assert!(load::<User>(&path).unwrap().is_none());
    save(&path, &alice(), Attributes::mode(0o400)).unwrap();
    assert_eq!(load::<User>(&path).unwrap().unwrap(), alice());
    atomic::replace(
        &path,
        b"schema = 2\nname = '\xff'\n",
        Attributes::mode(0o400),
    )
    .unwrap();
    let error = load::<User>(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}:2: user: syntax error", path.display())),
        "{error}"
    );
}

proptest! {
    #[test]
    fn every_document_reads_back(name in ".*", standalone: bool, start: u32, count: u32) {
        let user = User { name, standalone, maps: vec![Map { start: Id(start), count }] };
        prop_assert_eq!(parse::<User>(&render(&user).unwrap()).unwrap(), user);
    }

    #[test]
    fn a_cut_file_is_an_error_or_whole(cut in 0usize..70) {
        let text = render(&alice()).unwrap();
        let cut = cut.min(text.len());
        if let Ok(user) = parse::<User>(text.get(..cut).unwrap()) {
            // A cut inside the last number or at a table border still parses: that TOML has no
            // end mark is why files are replaced whole.
            prop_assert_eq!(user.name, "alice");
        }
    }
}

/// TOML that was cut at the end of a line is TOML.
#[test]
fn a_document_that_was_cut_off_is_refused() {
    let text = render(&alice()).unwrap();
    for (cut, _) in text.match_indices('\n') {
        let (half, rest) = text.split_at(cut);
        if rest.trim().is_empty() {
            continue;
        }
        let error = parse::<User>(half).unwrap_err();
        assert!(error.line.is_some(), "{half:?}: {error}");
    }
}
