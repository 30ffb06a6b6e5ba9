//! plan
use crate::facts::Facts;
use crate::state::State;
use os_api::Command;
use os_types::{Failure, Plan};
/// x
pub fn plan(_command: &Command, _state: &State, _facts: &Facts) -> Result<Plan, Failure> {
    Err(Failure::new(os_types::Code::NoUndo, ""))
}
