//! Showing images: lines for people, JSON for programs.

use os_image::Metadata;
use os_image::repository::Index;
use os_types::image::ImageInfo;
use os_types::{ByteSize, Failure};

use crate::output::{self, print};

pub(crate) fn image(info: &ImageInfo, metadata: &Metadata, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&serde_json::json!({ "info": info, "metadata": metadata }));
    }
    let mut rows = vec![
        ("DIGEST", info.digest.to_string()),
        ("DISTRIBUTION", info.distribution.to_string()),
        ("VERSION", info.version.to_string()),
        ("ARCH", info.arch.to_string()),
        ("VENDOR", info.vendor.to_string()),
        ("VARIANT", info.variant.to_string()),
        ("CREATED", info.created.clone()),
    ];
    if !info.config.init_cmd.is_empty() {
        rows.push(("INIT_CMD", info.config.init_cmd.join(" ")));
    }
    for part in &metadata.parts {
        let packed = ByteSize(part.size);
        let unpacked = ByteSize(part.unpacked_bytes);
        let (name, entries) = (&part.name, part.entries);
        rows.push((
            "PART",
            format!("{name}: {packed}, unpacked {unpacked} in {entries} files"),
        ));
    }
    let lines = rows
        .into_iter()
        .map(|(label, value)| format!("{label:>12}:  {value}\n"));
    print(&lines.collect::<String>())
}

pub(crate) fn repository(index: &Index, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&serde_json::json!(index));
    }
    let mut table = vec![
        [
            "VENDOR",
            "VARIANT",
            "ARCH",
            "DISTRIBUTION",
            "VERSION",
            "TAGS",
        ]
        .map(ToOwned::to_owned),
    ];
    table.extend(index.images.iter().map(|image| {
        let tags: Vec<&str> = image.tags.iter().map(AsRef::as_ref).collect();
        let tags = if tags.is_empty() {
            "-".to_owned()
        } else {
            tags.join(",")
        };
        [
            image.vendor.to_string(),
            image.variant.to_string(),
            image.arch.to_string(),
            image.distribution.to_string(),
            image.version.to_string(),
            tags,
        ]
    }));
    let width = |column| {
        let cells = table.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or(0)
    };
    let lines = table.iter().map(|row| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("{cell:<width$}  ", width = width(column)));
        format!("{}\n", cells.collect::<String>().trim_end())
    });
    print(&lines.collect::<String>())
}
