//! Base64 as the program of that name speaks it (RFC 4648, section 4).
//!
//! Two functions of our own: for nothing else would the workspace need a crate.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes, padded, in one line.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= group.len() { letter.into() } else { '=' });
        }
    }
    text
}

/// Decodes, skipping white space. `None` if it is not base64, or if an end is missing.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    if !letters.len().is_multiple_of(4) {
        return None;
    }
    let padding = letters.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let digits = letters.get(..letters.len() - padding)?;
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut bits = 0;
        for i in 0..4 {
            bits = bits << 6 | group.get(i).map_or(Some(0), |letter| value(*letter))?;
        }
        let [_, decoded @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(decoded.get(..group.len().checked_sub(1)?)?);
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u32> {
    let index = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(index.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_the_rfc() {
        let examples = [0, 1, 2, 3, 4, 5, 6].map(|length| &b"foobar"[..length]);
        let encoded = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        assert_eq!(examples.map(encode), encoded);
    }

    #[test]
    fn what_is_not_base64_is_none() {
        for bad in ["Zg", "Zg=", "Z===", "====", "Zm9v!!!!", "Zg==Zg=="] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn comes_back(bytes: Vec<u8>, width in 1_usize..80) {
            let text = encode(&bytes);
            let lines: Vec<_> = text.as_bytes().chunks(width).collect();
            prop_assert_eq!(decode(&lines.join(&b"\r\n"[..])), Some(bytes));
        }
    }
}
