//! "Did you mean ...?": the name most like a mistyped one.

/// The candidate that is at most a third of its length away from `wanted`.
pub fn similar<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wanted.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::osa_distance(wanted, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest() {
        let names = || ["alice", "bob", "carol"].into_iter();
        assert_eq!(similar("alcie", names()), Some("alice"));
        assert_eq!(similar("bobb", names()), Some("bob"));
        assert_eq!(similar("dave", names()), None);
    }
}
