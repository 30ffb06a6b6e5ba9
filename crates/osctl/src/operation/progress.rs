//! Progress of an operation on stderr.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use os_api::{Operation, StepState};

use crate::printer::{Printer, printable};

/// A bar on a terminal, plain lines elsewhere, nothing when quiet.
#[derive(Debug)]
pub(super) enum Progress {
    Bar(Option<ProgressBar>),
    /// The last line printed.
    Lines(String),
    Quiet,
}

impl Progress {
    pub(super) fn new(printer: &Printer) -> Self {
        match (printer.quiet, printer.err_terminal) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Bar(None),
            (false, false) => Self::Lines(String::new()),
        }
    }

    /// Shows where the operation is.
    pub(super) fn show(&mut self, operation: &Operation, printer: &mut Printer) {
        let (done, total) = count(operation);
        let doing = doing(operation);
        let doing = printable(&doing);
        match self {
            Self::Quiet => {}
            Self::Lines(last) => {
                let line = format!("[{done}/{total}] {doing}");
                if line != *last {
                    printer.progress(&line);
                    *last = line;
                }
            }
            Self::Bar(bar) => {
                let bar = bar.get_or_insert_with(new_bar);
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(doing.into_owned());
            }
        }
    }

    /// Tells something that the steps do not say.
    pub(super) fn tell(&self, text: &str, printer: &mut Printer) {
        let text = printable(text);
        match self {
            Self::Quiet => {}
            Self::Lines(_) | Self::Bar(None) => printer.progress(format_args!("  {text}")),
            Self::Bar(Some(bar)) => bar.println(format!("  {text}")),
        }
    }

    /// Leaves a clean line behind.
    pub(super) fn finish(&self) {
        if let Self::Bar(Some(bar)) = self {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} [{pos}/{len}] {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn count(operation: &Operation) -> (u64, u64) {
    let is_done = |state| matches!(state, StepState::Done | StepState::Unchanged);
    let done = operation.steps.iter().filter(|step| is_done(step.state));
    (done.count() as u64, operation.steps.len() as u64)
}

/// What it does, or waits for, right now.
fn doing(operation: &Operation) -> String {
    if let Some(waits_for) = &operation.waits_for {
        return format!("waiting for {waits_for}");
    }
    let running = operation
        .steps
        .iter()
        .find(|step| step.state == StepState::Running);
    running.map_or_else(
        || {
            format!(
                "{} is {}",
                operation.command,
                crate::views::word(operation.state)
            )
        },
        |step| step.text.clone(),
    )
}
