//! `osctl ct`.

mod del;
mod exec;
mod ls;
mod new;
mod show;
mod start;
mod stop;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use os_types::{ContainerName, ContainerState};

use crate::cmd::assets::EntityAssets;
use crate::cmd::commands;
use crate::target::Ref;

commands! {
    CtCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        #[command(visible_alias = "info")]
        Show(show::Show),
        #[command(visible_alias = "create")]
        New(new::New),
        #[command(visible_alias = "delete")]
        Del(del::Del),
        Start(start::Start),
        Stop(stop::Stop),
        Exec(exec::Exec),
        Assets(EntityAssets<Ref<ContainerName>>),
    }
}

/// A state of containers, as an argument.
fn state() -> impl TypedValueParser<Value = ContainerState> {
    let names = STATES.map(|state| PossibleValue::new(state.as_str()));
    PossibleValuesParser::new(names).map(|name| {
        let named = STATES.into_iter().find(|state| state.as_str() == name);
        named.unwrap_or(ContainerState::Unknown)
    })
}

const STATES: [ContainerState; 7] = [
    ContainerState::Stopped,
    ContainerState::Starting,
    ContainerState::Running,
    ContainerState::Freezing,
    ContainerState::Frozen,
    ContainerState::Stopping,
    ContainerState::Unknown,
];
