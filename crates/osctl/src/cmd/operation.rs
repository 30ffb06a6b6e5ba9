//! `osctl operation`.

mod cancel;
mod ls;
mod show;
mod wait;

use crate::cmd::commands;

commands! {
    OperationCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        #[command(visible_alias = "info")]
        Show(show::Show),
        Wait(wait::Wait),
        Cancel(cancel::Cancel),
    }
}
