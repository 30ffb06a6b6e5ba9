//! The conventions of every listing: `-o -s -H -L -p -j`, tables and `show`.
//!
//! ```text
//!   value      one cell, typed: sorted by its raw value, shown for people or for programs
//!   column     a parameter of an entity: its name and how to read it; Row: all of them
//!   options    the options, and which parameters they select
//!   table      rows to text
//! ```
//!
//! A command calls [`list`] or [`show`] with its options and a way to get the rows. Wrong options
//! are refused, and `-L` answered, before anything is asked.

pub(crate) mod column;
pub(crate) mod options;
pub(crate) mod table;
pub(crate) mod value;

pub(crate) use column::{Column, Row};
pub(crate) use options::{ListArgs, ShowArgs};
pub(crate) use value::{Value, text};

use std::cell::OnceCell;

use serde_json::Value as Json;

use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use column::Pick;
use options::Selection;
use value::Style;

/// Prints rows as a table or as JSON.
pub(crate) fn list<T: Row>(
    ctx: &mut Ctx,
    args: &ListArgs,
    rows: impl FnOnce(&mut Ctx) -> Result<Vec<T>, Fault>,
) -> Outcome {
    if args.list {
        return list_names::<T>(ctx);
    }
    let selection = Selection::<T>::of(args.output.as_deref(), Selection::defaults())?;
    let order = Selection::<T>::sort_keys(args.sort.as_deref())?;
    let mut rows = rows(ctx)?;
    sort(&mut rows, &order);
    if ctx.globals.json {
        let members = |row| match args.output {
            None => options::whole_json(row),
            Some(_) => selection.json(row),
        };
        return ctx
            .printer
            .json(&rows.iter().map(members).collect::<Vec<_>>());
    }
    note_disabled(ctx, &rows);
    let style = style(ctx, args.parsable);
    // What was asked for with -p or without labels is for programs.
    let is_for_people = !style.parsable && !args.hide_header;
    let fit = ctx.out_columns.filter(|_| is_for_people);
    let table = table::render(&selection.picks, &rows, &style, !args.hide_header, fit);
    ctx.printer.text(&table)
}

/// Prints one entity, a line a parameter, or as JSON.
pub(crate) fn show<T: Row>(
    ctx: &mut Ctx,
    args: &ShowArgs,
    row: impl FnOnce(&mut Ctx) -> Result<T, Fault>,
) -> Outcome {
    if args.list {
        return list_names::<T>(ctx);
    }
    let mut selection = Selection::<T>::of(args.output.as_deref(), Selection::all())?;
    let row = row(ctx)?;
    if ctx.globals.json {
        return match args.output {
            None => ctx.printer.json(&options::whole_json(&row)),
            Some(_) => ctx.printer.json(&selection.json(&row)),
        };
    }
    if args.output.is_none() {
        let keys = row.attrs().into_iter().flatten();
        selection
            .picks
            .extend(keys.map(|(key, _)| Pick::Attr(key.to_string())));
    }
    note_disabled(ctx, std::slice::from_ref(&row));
    let style = style(ctx, args.parsable);
    let text = table::render_one(&selection.picks, &row, &style, !args.hide_header);
    ctx.printer.text(&text)
}

/// How values are shown.
pub(crate) fn style(ctx: &Ctx, parsable: bool) -> Style {
    Style {
        parsable: parsable || ctx.globals.parsable,
        zone: ctx.zone.clone().map_or_else(OnceCell::new, OnceCell::from),
        ellipsis: if ctx.is_unicode { '…' } else { '~' },
    }
}

fn list_names<T: Row>(ctx: &mut Ctx) -> Outcome {
    if ctx.globals.json {
        let names: Vec<_> = T::COLUMNS.iter().map(|column| column.name).collect();
        return ctx.printer.json(&names);
    }
    T::COLUMNS
        .iter()
        .try_for_each(|column| ctx.printer.line(column.name))
}

/// Sorts by the raw values, the first key first; equal rows keep their order.
fn sort<T: Row>(rows: &mut [T], order: &[Pick<T>]) {
    rows.sort_by(|a, b| {
        let keys = order
            .iter()
            .map(|pick| pick.value(a).compare(&pick.value(b)));
        keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
}

/// Says on stderr that something listed cannot be used: a table may not have the column for it.
fn note_disabled<T: Row>(ctx: &mut Ctx, rows: &[T]) {
    let disabled = rows.iter().filter(|row| row.failure().is_some());
    match disabled.count() {
        0 => {}
        count => ctx.printer.note(format_args!(
            "{count} of these cannot be used; `osctl healthcheck` says why"
        )),
    }
}

/// A JSON object that keeps the order of its members.
#[derive(Debug)]
pub(crate) struct Members(pub(crate) Vec<(String, Json)>);

impl serde::Serialize for Members {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
