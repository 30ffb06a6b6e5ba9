//! Identifiers of operations.

use crate::names::name;

name! {
    /// Id of an operation, e.g. `20261122-213015.123-4f2a`: when it was accepted (UTC, ms) and four
    /// random hex digits, so that ids sort by time and stay unique on pools that travel.
    ///
    /// The part behind the last `-` is what people type.
    OpId, "operation id",
    r"^[0-9]{8}-[0-9]{6}\.[0-9]{3}-[0-9a-f]{4}$", check_op
}

fn check_op(text: &str) -> Result<(), &'static str> {
    let shape = "dddddddd-dddddd.ddd-hhhh";
    let fits = |(c, kind): (u8, u8)| match kind {
        b'd' => c.is_ascii_digit(),
        b'h' => matches!(c, b'0'..=b'9' | b'a'..=b'f'),
        other => c == other,
    };
    if text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits) {
        Ok(())
    } else {
        Err("must have the form YYYYMMDD-HHMMSS.mmm-xxxx")
    }
}

impl OpId {
    /// The id of an operation accepted at `time`; `random` makes it unique within a millisecond.
    pub fn new(time: jiff::Timestamp, random: u16) -> Self {
        let day = time.strftime("%Y%m%d-%H%M%S");
        let millis = time.as_millisecond().rem_euclid(1000);
        format!("{day}.{millis:03}-{random:04x}")
            .parse()
            .expect("a formatted time and four hex digits are an operation id")
    }

    /// True if `text` is the id, its beginning or its end: how people abbreviate.
    pub fn matches(&self, text: &str) -> bool {
        !text.is_empty() && (self.as_str().starts_with(text) || self.as_str().ends_with(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_of_time_and_chance() {
        let id = OpId::new("2026-11-22T21:30:15.123Z".parse().unwrap(), 0x4f2a);
        assert_eq!(id.as_str(), "20261122-213015.123-4f2a");
        assert!(id.matches("4f2a") && id.matches("20261122") && !id.matches(""));
        "../../etc/passwd".parse::<OpId>().unwrap_err();
    }
}
