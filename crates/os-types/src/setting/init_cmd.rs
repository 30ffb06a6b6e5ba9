//! The command line of a container's init.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::NameError;

/// Maximum number of words.
const WORDS: usize = 64;

/// The program that a container runs as init, and its arguments.
///
/// *Shape*: 1 to 64 words, none of them empty or with control characters; the first is an absolute
/// path in the container. The default is `/sbin/init` without arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct InitCmd(Vec<String>);

impl InitCmd {
    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl Default for InitCmd {
    fn default() -> Self {
        Self(vec!["/sbin/init".to_owned()])
    }
}

impl TryFrom<Vec<String>> for InitCmd {
    type Error = NameError;

    fn try_from(words: Vec<String>) -> Result<Self, NameError> {
        let refuse = |word: &str, reason| Err(NameError::new("init command", word, reason));
        let program = words.first().map_or("", String::as_str);
        if !program.starts_with('/') {
            return refuse(program, "is not an absolute path");
        }
        if words.len() > WORDS {
            return refuse(program, "has more than 64 words");
        }
        let bad = |word: &&String| word.is_empty() || word.contains(char::is_control);
        if let Some(word) = words.iter().find(bad) {
            return refuse(word, "has a word that is empty or has control characters");
        }
        Ok(Self(words))
    }
}

impl From<InitCmd> for Vec<String> {
    fn from(init: InitCmd) -> Self {
        init.0
    }
}

impl std::fmt::Display for InitCmd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl JsonSchema for InitCmd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "InitCmd".into()
    }

    /// JSON Schema cannot say of the first word alone that it is a path in a form that all tools
    /// understand.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "minItems": 1,
            "maxItems": WORDS,
            "items": { "type": "string", "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_checked() {
        let parse = |words: &[&str]| {
            InitCmd::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let init = parse(&["/bin/sh", "-c", "two words"]).unwrap();
        assert_eq!(init.to_string(), "/bin/sh -c two words");
        for bad in [
            &[][..],
            &["sh"],
            &[""],
            &["/bin/sh", ""],
            &["/bin/sh", "a\nb"],
        ] {
            parse(bad).unwrap_err();
        }
        parse(&["/x"; 64]).unwrap();
        parse(&["/x"; 65]).unwrap_err();
    }
}
