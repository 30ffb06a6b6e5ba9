use os_types::IdSpan;
use proptest::prelude::*;

use super::*;

fn span(first: u32, count: u32) -> IdSpan {
    IdSpan::new(first, count).unwrap()
}

#[test]
fn a_damaged_file_still_shows_its_maps() {
    let text = "schema = 1\nuid_map = [\"0:1000000:65536\", \"65536:5:1\"\ngid_ma";
    let spans: Vec<_> = salvage::spans(text).collect();
    assert_eq!(spans, [span(1_000_000, 65_536), span(5, 1)]);
}

#[test]
fn a_user_is_named_before_its_allocation() {
    let allocation = Holder::Allocation {
        pool: "tank".parse().unwrap(),
        range: "default".parse().unwrap(),
        index: 3,
        owner: Some("web".into()),
    };
    assert_eq!(
        allocation.to_string(),
        "id range allocation tank:default block 3 of web"
    );
    let user = Holder::User {
        pool: "tank".parse().unwrap(),
        name: "alice".parse().unwrap(),
    };
    let spans = Spans::new(vec![
        Claim::new(span(10, 10), allocation.clone()),
        Claim::new(span(15, 1), user.clone()),
    ]);
    assert_eq!(spans.first(span(0, 100), &|_| false).unwrap().holder, user);
    let found = spans.first(span(0, 100), &|h| *h == user).unwrap();
    assert_eq!(found.holder, allocation);
    assert_eq!(spans.first(span(20, 5), &|_| false), None);
}

proptest! {
    #[test]
    fn finds_what_a_plain_search_finds(
        claims in prop::collection::vec((0u32..60, 1u32..30), 0..12), first in 0u32..80, count in 1u32..20
    ) {
        let wanted = span(first, count);
        let plain = claims.iter().map(|(first, count)| span(*first, *count))
            .filter(|s| s.overlaps(wanted)).map(IdSpan::last).max();
        let claims = claims.into_iter()
            .map(|(first, count)| Claim::new(span(first, count), Holder::Reserved("x"))).collect();
        let spans = Spans::new(claims);
        prop_assert_eq!(spans.reach(wanted), plain);
        prop_assert_eq!(spans.first(wanted, &|_| false).is_some(), plain.is_some());
    }
}
