//! Blocks of id ranges: the errors that all their commands share, and steps about them.

use os_types::id_table::{Allocation, IdTableError};
use os_types::step::IdBlocksStep;
use os_types::{Code, Failure, IdSpan, Presence, Step, chain};

use super::context::Context;
use crate::claim::{Claim, Claims, Holder};
use crate::document::IdRangeDoc;
use crate::state::Found;

impl Found<'_, IdRangeDoc> {
    /// The name of the range for messages, `tank:default`.
    pub(super) fn label(&self) -> String {
        let entity = self.entity.to_string();
        let label = entity.strip_prefix("id-range ");
        label.unwrap_or(&entity).to_owned()
    }

    /// A failure about the range, e.g. about ids that somebody has.
    pub(super) fn refuse(&self, code: Code, text: impl Into<String>) -> Failure {
        let range = self.label();
        Failure::new(code, text)
            .about(format!("id-range {range}"))
            .next(format!("osctl id-range table ls {range}"))
    }

    pub(super) fn wrong(&self, error: &IdTableError) -> Failure {
        let code = match error {
            IdTableError::Size { .. } | IdTableError::Outside { .. } | IdTableError::Nothing => {
                Code::Body
            }
            IdTableError::Taken { .. } => Code::Overlap,
            IdTableError::Full { .. } => Code::NoIds,
            IdTableError::NotAllocated { .. } => Code::NotFound,
        };
        let range = self.label();
        let text = format!("id range {range} does not allow that: {}", chain(error));
        self.refuse(code, text)
    }

    /// The ids of blocks of the range.
    pub(super) fn span(&self, index: u32, count: u32) -> Result<IdSpan, Failure> {
        let table = &self.usable()?.doc.table;
        table.span(index, count).map_err(|error| self.wrong(&error))
    }

    /// The first blocks whose ids are free on all pools and on the host.
    pub(super) fn find_free(&self, count: u32, claims: &Claims) -> Result<u32, Failure> {
        let table = &self.usable()?.doc.table;
        let free = table.find_free(count, |span| claims.is_free(span));
        free.map_err(|error| self.wrong(&error))
    }

    /// Refuses blocks that somebody has.
    pub(super) fn check_free(
        &self,
        index: u32,
        count: u32,
        claims: &Claims,
    ) -> Result<(), Failure> {
        let mut table = self.usable()?.doc.table.clone();
        let taken = table.take(index, count, None);
        taken.map_err(|error| self.wrong(&error))?;
        let span = self.span(index, count)?;
        match claims.either(span, &|_| false) {
            None => Ok(()),
            Some(Claim { span, holder }) => {
                let range = self.label();
                let text = format!("ids {span} of id range {range} belong to {holder}");
                Err(self.refuse(Code::Overlap, text))
            }
        }
    }

    /// The step about an allocation.
    pub(super) fn step(&self, allocation: &Allocation, to: Presence) -> Option<Step> {
        let os_types::EntityRef::IdRange { pool, name } = &self.entity else {
            return None;
        };
        Some(Step::IdBlocks(IdBlocksStep {
            pool: pool.clone(),
            range: name.clone(),
            index: allocation.block_index,
            count: allocation.block_count,
            owner: allocation.owner.clone(),
            to,
        }))
    }

    /// The user that has ids of an allocation: by its maps, or because the blocks were allocated
    /// for it.
    pub(super) fn user_of(
        &self,
        allocation: &Allocation,
        claims: &Claims,
        context: &Context<'_>,
    ) -> Result<Option<Holder>, Failure> {
        let pool = self.pool.name();
        let named = owner_user(allocation.owner.as_deref());
        if let Some(name) = named.and_then(|name| name.parse().ok())
            && context.state.find(Some(pool), &name).is_ok()
        {
            let pool = pool.clone();
            return Ok(Some(Holder::User { pool, name }));
        }
        let span = self.span(allocation.block_index, allocation.block_count)?;
        let others = |holder: &Holder| !matches!(holder, Holder::User { .. } | Holder::Account(_));
        Ok(claims
            .either(span, &others)
            .map(|claim| claim.holder.clone()))
    }
}

/// The owner of blocks that were allocated for a user.
pub(super) fn user_owner(name: impl std::fmt::Display) -> String {
    format!("user:{name}")
}

/// The user that blocks were allocated for.
pub(super) fn owner_user(owner: Option<&str>) -> Option<&str> {
    owner?.strip_prefix("user:")
}
