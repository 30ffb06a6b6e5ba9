//! The options of listings, and which parameters they select.

use clap::Args;
use os_types::{Code, Failure};
use serde_json::Value as Json;

use super::Members;
use super::column::{Pick, Row};

/// Options of commands that print a table.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArgs {
    /// Parameters to show: `a,b`; `+a,b` adds to the default, `-a,b` takes from it, `all`
    #[arg(short, long, value_name = "PARAMETERS", allow_hyphen_values = true)]
    pub(crate) output: Option<String>,
    /// Sort by these parameters
    #[arg(short, long, value_name = "PARAMETERS")]
    pub(crate) sort: Option<String>,
    /// Leave out the labels
    #[arg(short = 'H', long)]
    pub(crate) hide_header: bool,
    /// List the names of the parameters and exit
    #[arg(short = 'L', long)]
    pub(crate) list: bool,
    /// Show raw numbers and times in UTC
    // Not a global option of clap, since `group new -p` means something else.
    #[arg(id = "list_parsable", short = 'p', long = "parsable")]
    pub(crate) parsable: bool,
}

impl ListArgs {
    /// Whether any of these members of the daemon's JSON is shown or sorted by.
    pub(crate) fn needs<T: Row>(&self, json: bool, members: &[&str]) -> bool {
        if json && self.output.is_none() {
            return true;
        }
        let shown = Selection::<T>::of(self.output.as_deref(), Selection::defaults());
        let order = Selection::<T>::sort_keys(self.sort.as_deref());
        let (Ok(shown), Ok(order)) = (shown, order) else {
            return true;
        };
        let mut picks = shown.picks.iter().chain(&order);
        picks.any(|pick| matches!(pick, Pick::Column(column) if column.member.is_some_and(|member| members.contains(&member))))
    }
}

/// Options of commands that print one entity.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ShowArgs {
    /// Parameters to show: `a,b`; `-a,b` leaves out these
    #[arg(short, long, value_name = "PARAMETERS", allow_hyphen_values = true)]
    pub(crate) output: Option<String>,
    /// Show only the values, one a line
    #[arg(short = 'H', long)]
    pub(crate) hide_header: bool,
    /// List the names of the parameters and exit
    #[arg(short = 'L', long)]
    pub(crate) list: bool,
    /// Show raw numbers and times in UTC
    #[arg(id = "show_parsable", short = 'p', long = "parsable")]
    pub(crate) parsable: bool,
}

/// The parameters to show.
#[derive(Debug)]
pub(crate) struct Selection<T: 'static> {
    pub(crate) picks: Vec<Pick<T>>,
}

impl<T: Row> Selection<T> {
    /// What a table shows when nothing is said.
    pub(crate) fn defaults() -> Self {
        let columns = T::COLUMNS.iter().filter(|column| column.is_default);
        Self {
            picks: columns.map(Pick::Column).collect(),
        }
    }

    /// Every parameter.
    pub(crate) fn all() -> Self {
        Self {
            picks: T::COLUMNS.iter().map(Pick::Column).collect(),
        }
    }

    /// The parameters that the value of `-o` selects.
    ///
    /// # Errors
    /// When it names a parameter that does not exist; the message lists those that do.
    pub(crate) fn of(output: Option<&str>, defaults: Self) -> Result<Self, Failure> {
        let Some(output) = output else {
            return Ok(defaults);
        };
        if output == "all" {
            return Ok(Self::all());
        }
        let mut picks = defaults.picks;
        if let Some(names) = output.strip_prefix('+') {
            for pick in parse_names(names)? {
                if !picks.iter().any(|old| old.name() == pick.name()) {
                    picks.push(pick);
                }
            }
        } else if let Some(names) = output.strip_prefix('-') {
            let out: Vec<Pick<T>> = parse_names(names)?;
            picks.retain(|old| !out.iter().any(|pick| pick.name() == old.name()));
        } else {
            picks = parse_names(output)?;
        }
        Ok(Self { picks })
    }

    /// The parameters that the value of `-s` names.
    ///
    /// # Errors
    /// As [`Selection::of`].
    pub(crate) fn sort_keys(sort: Option<&str>) -> Result<Vec<Pick<T>>, Failure> {
        sort.map_or_else(|| Ok(Vec::new()), parse_names)
    }

    /// The selected parameters of a row as JSON, in the order of the selection.
    pub(crate) fn json(&self, row: &T) -> Members {
        self.members(row, &serde_json::to_value(row).unwrap_or(Json::Null))
    }

    fn members(&self, row: &T, object: &Json) -> Members {
        let member = |pick: &Pick<T>| match pick {
            Pick::Column(column) => {
                let whole = column.member.and_then(|member| object.get(member)).cloned();
                let value = whole.unwrap_or_else(|| (column.read)(row).to_json());
                (column.name.to_owned(), value)
            }
            Pick::Attr(key) => (key.clone(), pick.value(row).to_json()),
        };
        Members(self.picks.iter().map(member).collect())
    }
}

/// All of a row as JSON: its parameters under their names, then what the daemon tells besides.
pub(crate) fn whole_json<T: Row>(row: &T) -> Members {
    let object = serde_json::to_value(row).unwrap_or(Json::Null);
    let mut members = Selection::<T>::all().members(row, &object);
    let is_column = |key: &str| {
        let mut columns = T::COLUMNS.iter();
        columns.any(|column| column.name == key || column.member == Some(key))
    };
    let rest = object.as_object().into_iter().flatten();
    let rest = rest.filter(|(key, _)| !is_column(key));
    members
        .0
        .extend(rest.map(|(key, value)| (key.clone(), value.clone())));
    members
}

fn parse_names<T: Row>(names: &str) -> Result<Vec<Pick<T>>, Failure> {
    let named = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    named.map(find).collect()
}

fn find<T: Row>(name: &str) -> Result<Pick<T>, Failure> {
    if let Some(column) = T::COLUMNS.iter().find(|column| column.name == name) {
        return Ok(Pick::Column(column));
    }
    if name.contains(':') {
        return Ok(Pick::Attr(name.to_owned()));
    }
    let known: Vec<_> = T::COLUMNS.iter().map(|column| column.name).collect();
    let message = format!(
        "there is no parameter {name:?}; there are {}, and attributes as vendor:key",
        known.join(", ")
    );
    Err(Failure::new(Code::Name, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Column, Value, text};

    #[derive(Debug, serde::Serialize)]
    struct Cat {
        name: &'static str,
        weight_bytes: u64,
        fur: &'static str,
    }

    impl Row for Cat {
        const COLUMNS: &'static [Column<Self>] = &[
            Column::main("name", |cat| text(cat.name)),
            Column::of(
                "weight_bytes",
                Column::main("weight", |cat| Value::Bytes(cat.weight_bytes)),
            ),
            Column::more("age", |_| Value::Missing),
        ];
    }

    fn names(output: &str) -> Result<String, Failure> {
        let selection = Selection::<Cat>::of(Some(output), Selection::defaults())?;
        let names: Vec<_> = selection.picks.iter().map(Pick::name).collect();
        Ok(names.join(" "))
    }

    #[test]
    fn output_replaces_extends_and_subtracts() {
        for (output, expected) in [
            ("age,name", "age name"),
            ("+age", "name weight age"),
            ("+name,age", "name weight age"),
            ("-weight", "name"),
            ("-weight,name", ""),
            ("all", "name weight age"),
            ("", ""),
            ("name, v:key", "name v:key"),
            ("+v:key", "name weight v:key"),
        ] {
            assert_eq!(names(output).unwrap(), expected, "-o {output:?}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let failure = names("nmae").unwrap_err();
        insta::assert_snapshot!(failure,
            @r#"there is no parameter "nmae"; there are name, weight, age, and attributes as vendor:key"#);
        assert_eq!(failure.code.exit(), 2);
        names("-nmae").unwrap_err();
        Selection::<Cat>::sort_keys(Some("nmae")).unwrap_err();
    }

    #[test]
    fn json_has_the_names_of_the_parameters() {
        let selection =
            Selection::<Cat>::of(Some("age,weight,v:k"), Selection::defaults()).unwrap();
        let cat = Cat {
            name: "tom",
            weight_bytes: 5000,
            fur: "red",
        };
        let json = serde_json::to_string(&selection.json(&cat)).unwrap();
        assert_eq!(json, r#"{"age":null,"weight":5000,"v:k":null}"#);
        let json = serde_json::to_string(&whole_json(&cat)).unwrap();
        assert_eq!(
            json,
            r#"{"name":"tom","weight":5000,"age":null,"fur":"red"}"#
        );
    }
}
