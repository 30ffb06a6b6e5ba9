//! The steps between schemas of our documents, in both directions.
//!
//! Schema 2 collects the settings of a container in a table `[settings]` and adds keyed parts to
//! containers, groups and pools. The way down refuses what schema 1 cannot say, instead of
//! dropping it; the exception are vendor and variant of a distribution.

use os_store::document::{Migration, Table, Value};

/// Steps of container documents.
pub(super) const CONTAINER: &[Migration] = &[Migration {
    from: 1,
    to: 2,
    up: container_up,
    down: container_down,
}];

/// Steps of documents that gained keyed parts and changed in nothing else: groups and pools.
pub(super) const PARTS: &[Migration] = &[Migration {
    from: 1,
    to: 2,
    up: parts_up,
    down: parts_down,
}];

/// The settings of schema 1, which were keys of the document itself.
const SETTINGS_1: &[&str] = &[
    "autostart",
    "ephemeral",
    "hostname",
    "dns_resolvers",
    "nesting",
    "seccomp_profile",
    "init_cmd",
    "raw_lxc",
];

const SETTINGS: &str = "settings";

/// Where a distribution comes from, which schema 1 does not note. Nothing depends on them and each new
/// container has them, so the way down drops them instead of refusing every container.
const NOTES_2: &[&str] = &["vendor", "variant"];

/// The keyed parts that schema 2 added.
const PARTS_2: &[&str] = &["prlimits"];

fn container_up(table: Table) -> Result<Table, String> {
    let mut table = parts_up(table)?;
    if let Some(key) = NOTES_2.iter().find(|key| table.contains_key(**key)) {
        return Err(unknown(key));
    }
    if table.contains_key(SETTINGS) {
        return Err(unknown(SETTINGS));
    }
    let mut settings = Table::new();
    for name in SETTINGS_1 {
        settings.extend(table.remove_entry(*name));
    }
    if !settings.is_empty() {
        table.insert(SETTINGS.to_owned(), Value::Table(settings));
    }
    Ok(table)
}

fn container_down(table: Table) -> Result<Table, String> {
    let mut table = parts_down(table)?;
    for key in NOTES_2 {
        table.remove(*key);
    }
    let Some(Value::Table(settings)) = table.remove(SETTINGS) else {
        return Ok(table);
    };
    for (name, value) in settings {
        if !SETTINGS_1.contains(&name.as_str()) {
            return Err(format!("schema 1 has no setting `{name}`; unset it first"));
        }
        table.insert(name, value);
    }
    Ok(table)
}

fn parts_up(table: Table) -> Result<Table, String> {
    match PARTS_2.iter().find(|part| table.contains_key(**part)) {
        Some(part) => Err(unknown(part)),
        None => Ok(table),
    }
}

fn parts_down(mut table: Table) -> Result<Table, String> {
    for part in PARTS_2 {
        let entries = table.remove(*part);
        let entries = entries.as_ref().and_then(Value::as_table);
        if let Some(key) = entries.and_then(|entries| entries.keys().next()) {
            return Err(format!(
                "schema 1 has no `{part}`; unset `{part}.{key}` first"
            ));
        }
    }
    Ok(table)
}

fn unknown(key: &str) -> String {
    format!("unknown key `{key}`")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use os_store::document::{parse, render, render_at};

    use super::*;
    use crate::document::{ContainerDoc, GroupDoc, PoolDoc};

    /// A container with every setting of schema 1.
    const FULL: &str = "user = \"web\"\ngroup = \"/default\"\ndataset = \"tank/x\"\n\
        distribution = \"debian\"\nversion = \"13\"\narch = \"x86_64\"\nephemeral = true\n\
        hostname = \"www\"\ndns_resolvers = [\"192.0.2.1\"]\nnesting = true\n\
        seccomp_profile = \"/etc/x\"\ninit_cmd = [\"/sbin/init\", \"-x\"]\n\
        raw_lxc = \"lxc.tty.max = 1\\n\"\n\n[autostart]\npriority = 7\ndelay_s = 1\n\n\
        [attrs]\n\"a:b\" = \"c\"\n";
    const BARE: &str = "user = \"web\"\ngroup = \"/\"\ndistribution = \"debian\"\n\
        version = \"13\"\narch = \"x86_64\"\n";

    fn file(schema: u32, body: &str) -> String {
        format!("schema = {schema}\n{body}# end\n")
    }

    #[test]
    fn every_step_has_a_way_back() {
        let two = format!("{BARE}[settings]\nnesting = true\n");
        let attrs = "[attrs]\n\"a:b\" = \"c\"\n";
        for (migrations, old, new) in [
            (CONTAINER, [FULL, BARE], [two.as_str(), BARE]),
            (PARTS, [attrs, ""], [attrs, ""]),
        ] {
            let [Migration { up, down, .. }] = migrations else {
                panic!("a step without samples");
            };
            for (samples, there, back) in [(old, up, down), (new, down, up)] {
                for sample in samples {
                    let table: Table = sample.parse().unwrap();
                    assert_eq!(back(there(table.clone()).unwrap()), Ok(table), "{sample}");
                }
            }
        }
    }

    #[test]
    fn a_container_of_schema_1_comes_and_goes_back_as_it_was() {
        for body in [FULL, BARE] {
            let old = file(1, body);
            let doc: ContainerDoc = parse(&old).unwrap();
            let new = render(&doc).unwrap();
            assert_eq!(parse::<ContainerDoc>(&new).unwrap(), doc);
            let back = render_at(&doc, 1).unwrap();
            assert_eq!(parse::<ContainerDoc>(&back).unwrap(), doc);
            let table = |text: &str| text.parse::<Table>().unwrap();
            assert_eq!(table(&back), table(&old));
        }
    }

    #[test]
    fn what_schema_1_cannot_say_is_refused_on_the_way_back() {
        let limit = "[prlimits.nofile]\nsoft = 1\nhard = \"unlimited\"\n";
        let doc: ContainerDoc = parse(&file(2, &format!("{BARE}{limit}"))).unwrap();
        let error = render_at(&doc, 1).unwrap_err();
        let message = error.at(Path::new("f")).to_string();
        assert!(
            message.contains("unset `prlimits.nofile` first"),
            "{message}"
        );
        render_at(&parse::<GroupDoc>(&file(2, limit)).unwrap(), 1).unwrap_err();
        render_at(&parse::<PoolDoc>(&file(2, limit)).unwrap(), 1).unwrap_err();
    }

    #[test]
    fn keys_of_another_schema_are_refused() {
        let limit = "[prlimits.nofile]\nsoft = 1\nhard = 1\n";
        let bare = |more: &str| format!("{BARE}{more}");
        for (schema, body) in [
            (1, bare("[settings]\nnesting = true\n")),
            (1, bare(limit)),
            (1, bare("colour = \"red\"\n")),
            (2, bare("nesting = true\n")),
            (2, bare("[settings]\ncolour = \"red\"\n")),
            (2, bare("[prlimits.nofile]\nsoft = 2\nhard = 1\n")),
            (2, bare("[prlimits.files]\nsoft = 1\nhard = 1\n")),
            (3, bare("")),
        ] {
            parse::<ContainerDoc>(&file(schema, &body)).unwrap_err();
        }
        parse::<GroupDoc>(&file(1, limit)).unwrap_err();
        parse::<PoolDoc>(&file(1, limit)).unwrap_err();
    }
}
