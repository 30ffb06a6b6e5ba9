//! Arguments of commands that take several entities: names and patterns of names.

use std::str::FromStr;

use os_types::{NameError, PoolName};

use crate::entity::Target;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern<T> {
    /// A name.
    One(T),
    /// `*` stands for any characters, `?` for one.
    Like {
        /// The pool, if it was said.
        pool: Option<PoolName>,
        /// What the name is like.
        name: String,
    },
}

impl<T> Pattern<T> {
    /// What fits every name.
    pub(crate) fn every() -> Self {
        Self::Like {
            pool: None,
            name: "*".to_owned(),
        }
    }
}

impl<T: Target> Pattern<T> {
    /// Whether the entity at `place` is meant, see [`Target::place`]; without a pool it is, on
    /// whatever pool.
    pub(crate) fn fits(&self, place: (&PoolName, &str)) -> bool {
        match self {
            Self::One(one) => one.is_at(place),
            Self::Like { pool, name } => {
                pool.as_ref().is_none_or(|pool| pool == place.0) && is_match(name, place.1)
            }
        }
    }
}

impl<T: Target> FromStr for Pattern<T> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if !text.contains(['*', '?']) {
            return text.parse().map(Self::One);
        }
        let (pool, name) = match text.split_once(':') {
            Some((pool, name)) => (Some(pool.parse()?), name),
            None => (None, text),
        };
        Ok(Self::Like {
            pool,
            name: name.to_owned(),
        })
    }
}

/// Whether `name` is like `pattern`. Both are ASCII or compared by characters.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where to go on after the last star, should the rest not fit: (in pattern, in name).
    let mut star = None;
    let (mut at, mut on) = (0, 0);
    while on < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, on));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[on] => {
                at += 1;
                on += 1;
            }
            _ => match star {
                Some((after, eaten)) => {
                    star = Some((after, eaten + 1));
                    (at, on) = (after, eaten + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use os_types::ContainerName;

    use super::*;
    use crate::target::Ref;

    type Container = Pattern<Ref<ContainerName>>;

    #[test]
    fn patterns() {
        let yes = [
            ("*", "web"),
            ("web*", "web"),
            ("web*", "web12"),
            ("*b*", "web"),
            ("w?b", "web"),
            ("*-*-x", "a-b-c-x"),
        ];
        let no = [("web*", "we"), ("?", "web"), ("*b", "webs"), ("w?b", "wb")];
        for (pattern, name) in yes {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in no {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
        let [tank, twin]: [PoolName; 2] = ["tank", "twin"].map(|pool| pool.parse().unwrap());
        for (text, fits_tank, fits_twin) in [
            ("tank:web*", true, false),
            ("w?b", true, true),
            ("twin:web", false, true),
        ] {
            let pattern: Container = text.parse().unwrap();
            assert_eq!(pattern.fits((&tank, "web")), fits_tank, "{text}");
            assert_eq!(pattern.fits((&twin, "web")), fits_twin, "{text}");
        }
        "ta nk:web*".parse::<Container>().unwrap_err();
        "we b".parse::<Container>().unwrap_err();
    }
}
