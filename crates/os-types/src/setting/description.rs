//! What a container is for.

use crate::names::name;

name! {
    /// What a container is for, in one line, e.g. `the shop`.
    ///
    /// *Shape*: 1 to 250 characters, without control characters.
    Description, "description", r"^[^\u0000-\u001f\u007f-\u009f]{1,250}$", check
}

fn check(text: &str) -> Result<(), &'static str> {
    match text.chars().count() {
        0 => Err("must not be empty"),
        1..=250 if text.contains(char::is_control) => Err("has a control character"),
        1..=250 => Ok(()),
        _ => Err("has more than 250 characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line() {
        "the shop, since 2019".parse::<Description>().unwrap();
        for bad in ["", "a\nb", &"x".repeat(251)] {
            bad.parse::<Description>().unwrap_err();
        }
    }
}
