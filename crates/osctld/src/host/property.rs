//! User properties of datasets.

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::PropertyEdit;
use os_types::step::PropertyStep;
use os_types::{AttrKey, Failure};

use super::{HostStep, LinuxHost};

impl HostStep for PropertyStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let Self { dataset, name, .. } = self;
        let key: AttrKey = name.parse()?;
        let Some(properties) = host.contents_of(dataset).properties(dataset)? else {
            return Ok(StepCheck::Conflict(format!("{dataset} does not exist")));
        };
        let found = properties.get(&key);
        let ends = [self.before.as_ref(), self.after.as_ref()];
        let conflict = || format!("{key} on {dataset} is {found:?}");
        Ok(StepCheck::of_value(found, ends, conflict))
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let edit = PropertyEdit::User(self.name.parse()?, self.after.clone());
        host.contents_of(&self.dataset)
            .set(&self.dataset, &[edit])?;
        Ok(Outcome::Changed)
    }
}
