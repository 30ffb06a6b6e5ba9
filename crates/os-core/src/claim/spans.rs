//! Runs of ids with their holders, which may overlap, and the question who has an id.

use os_types::IdSpan;

use super::Holder;

/// A run of ids and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The ids.
    pub span: IdSpan,
    /// Their owner.
    pub holder: Holder,
}

impl Claim {
    /// `holder` has the ids of `span`.
    pub fn new(span: IdSpan, holder: Holder) -> Self {
        Self { span, holder }
    }
}

/// Claims in one space of ids.
#[derive(Debug, Clone, Default)]
pub struct Spans {
    /// By first id.
    sorted: Vec<Claim>,
    /// For each claim the highest last id of it and all before: where a search may stop.
    highest: Vec<u32>,
}

impl Spans {
    /// These claims.
    pub fn new(mut claims: Vec<Claim>) -> Self {
        claims.sort_by_key(|claim| claim.span);
        let mut high = 0;
        let highest = claims.iter().map(|claim| {
            high = claim.span.last().max(high);
            high
        });
        let highest = highest.collect();
        Self {
            sorted: claims,
            highest,
        }
    }

    /// The claims back.
    pub fn into_claims(self) -> Vec<Claim> {
        self.sorted
    }

    /// The claims that have an id of `span`.
    fn overlapping(&self, span: IdSpan) -> impl Iterator<Item = &Claim> {
        let end = self
            .sorted
            .partition_point(|c| c.span.first() <= span.last());
        let before = self.sorted.iter().zip(&self.highest).take(end).rev();
        before
            .take_while(move |(_, highest)| **highest >= span.first())
            .map(|(claim, _)| claim)
            .filter(move |claim| claim.span.overlaps(span))
    }

    /// The claim that a message should name: the one of the first [`Holder`] in their order.
    pub fn first(&self, span: IdSpan, own: &dyn Fn(&Holder) -> bool) -> Option<&Claim> {
        self.overlapping(span)
            .filter(|claim| !own(&claim.holder))
            .min_by_key(|claim| &claim.holder)
    }

    /// The highest id of a claim that has an id of `span`.
    pub fn reach(&self, span: IdSpan) -> Option<u32> {
        self.overlapping(span).map(|claim| claim.span.last()).max()
    }
}
