//! One way to print an error with its causes, used by logs, the API and the command line.

use std::error::Error;

/// The error and all its sources, outermost first, joined by `: `.
///
/// *Shape*: `"cannot read conf/user/a.toml: permission denied"`. A source whose text is already
/// contained at the end of the text so far is left out, so that a careless `Display` does not
/// double it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let part = source.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read it")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no such file")]
    struct Inner;

    #[test]
    fn joins_causes_once() {
        assert_eq!(chain(&Outer(Inner)), "cannot read it: no such file");
    }
}
