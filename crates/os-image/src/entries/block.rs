//! Blocks and the fields in them, tar(5).

/// The unit that a tar is made of, in bytes.
pub(super) const BLOCK: usize = 512;

/// `length` bytes of a block, from `at` on; nothing if they are not in it.
pub(super) fn field(block: &[u8; BLOCK], at: usize, length: usize) -> &[u8] {
    at.checked_add(length)
        .and_then(|end| block.get(at..end))
        .unwrap_or_default()
}

/// A number that is not negative: octal, or binary if its first bit is set.
pub(super) fn number(field: &[u8]) -> Result<u64, &'static str> {
    u64::try_from(signed(field)?).map_err(|_negative| "a number of a header is negative")
}

/// A number: octal, or binary if its first bit is set.
pub(super) fn signed(field: &[u8]) -> Result<i64, &'static str> {
    let bad = "a field of a header is no number";
    match field.split_first() {
        Some((first, rest)) if *first & 0x80 != 0 => {
            let negative = *first == 0xff;
            let start: i64 = if negative {
                -1
            } else {
                i64::from(first & 0x7f)
            };
            rest.iter().try_fold(start, |sum, byte| {
                sum.checked_mul(256)?.checked_add(i64::from(*byte))
            })
        }
        _ => {
            let trimmed = field.trim_ascii_start();
            let end = trimmed.iter().position(|byte| matches!(byte, 0 | b' '));
            let digits = trimmed.get(..end.unwrap_or(trimmed.len()));
            let mut digits = digits.unwrap_or_default().iter();
            digits.try_fold(0_i64, |sum, digit| {
                let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
                sum.checked_mul(8)?.checked_add(i64::from(digit))
            })
        }
    }
    .ok_or(bad)
}
