//! What checks found, and how it is shown.

use std::fmt;
use std::process::ExitCode;

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The rule is broken.
    Error(String),
    /// The rule holds, but a reviewer may want to look.
    Note(String),
}

impl Finding {
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::Error(text.into())
    }

    pub(crate) fn note(text: impl Into<String>) -> Self {
        Self::Note(text.into())
    }
}

/// The findings of all checks that ran.
#[derive(Debug)]
pub(crate) struct Report {
    /// Name and rule of each check, and what it found.
    results: Vec<(&'static str, &'static str, Vec<Finding>)>,
}

impl Report {
    fn errors(&self) -> usize {
        let all = self.results.iter().flat_map(|(_, _, findings)| findings);
        all.filter(|finding| matches!(finding, Finding::Error(_)))
            .count()
    }

    /// Success unless a rule is broken.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.errors() {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

impl FromIterator<(&'static str, &'static str, Vec<Finding>)> for Report {
    fn from_iter<I: IntoIterator<Item = (&'static str, &'static str, Vec<Finding>)>>(
        results: I,
    ) -> Self {
        Self {
            results: results.into_iter().collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rule, findings) in &self.results {
            writeln!(f, "{name:<13} {rule}")?;
            for finding in findings {
                match finding {
                    Finding::Error(text) => writeln!(f, "  error: {text}")?,
                    Finding::Note(text) => writeln!(f, "  note:  {text}")?,
                }
            }
        }
        match self.errors() {
            0 => writeln!(f, "tree checks: all rules hold"),
            1 => writeln!(f, "tree checks: 1 error"),
            n => writeln!(f, "tree checks: {n} errors"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_fail() {
        let noted =
            Report::from_iter([("links", "links lead somewhere", vec![Finding::note("long")])]);
        assert_eq!(noted.exit_code(), ExitCode::SUCCESS);
        assert!(noted.to_string().ends_with("all rules hold\n"));

        let broken = Report::from_iter([(
            "links",
            "links lead somewhere",
            vec![Finding::error("a -> b")],
        )]);
        assert_eq!(broken.exit_code(), ExitCode::FAILURE);
        assert!(broken.to_string().contains("error: a -> b"));
        assert!(broken.to_string().ends_with("1 error\n"));
    }
}
