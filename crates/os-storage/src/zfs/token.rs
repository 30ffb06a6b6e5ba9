//! What a resume token of ZFS says.

use std::io::Read;

use os_cmd::{Flow, Invocation, Runner};

use crate::{Proof, ResumeToken};

/// Far more than the lines of one token.
const TEXT_LIMIT: u64 = 64 << 10;

/// Asks ZFS for the contents of a token; `None` if it is invalid.
///
/// A dry run prints that first, and then fails where the snapshot is not on this host: only what it
/// prints counts. *Source*: `zfs_send_resume_impl_cb_impl` in `lib/libzfs/libzfs_sendrecv.c`.
pub(super) fn read(runner: &dyn Runner, token: &str) -> Option<ResumeToken> {
    let command = Invocation::new("zfs").args(["send", "-n", "-v", "-t", token]);
    let mut running = runner.start(command, Flow::FromProgram).ok()?;
    let mut text = String::new();
    let read = (&mut running).take(TEXT_LIMIT).read_to_string(&mut text);
    if let Err(error) = running.finish() {
        tracing::debug!(%error, "token of a snapshot that is not here");
    }
    read.ok()?;
    parse(&text, token)
}

fn parse(text: &str, token: &str) -> Option<ResumeToken> {
    let number = |wanted: &str| {
        let fields = text
            .lines()
            .filter_map(|line| line.trim().split_once(" = "));
        let (_, value) = fields.into_iter().find(|(name, _)| *name == wanted)?;
        u64::from_str_radix(value.strip_prefix("0x")?, 16).ok()
    };
    Some(ResumeToken {
        snapshot_guid: number("toguid")?.to_string(),
        base_guid: number("fromguid")
            .filter(|guid| *guid != 0)
            .map(|guid| guid.to_string()),
        offset: number("bytes")?,
        proof: Proof::Zfs(token.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "resume token contents:\nnvlist version: 0\n\tobject = 0x2\n\
                        \toffset = 0x80000\n\tbytes = 0x81b10\n\ttoguid = 0xd4e5\n\
                        \ttoname = alpha/a@1\n\tcompressok = 1\n\trawok = 1\n";

    #[test]
    fn reads_what_zfs_prints() {
        let token = parse(FULL, "1-a-b-c").unwrap();
        assert_eq!(
            (token.snapshot_guid.as_str(), token.offset),
            ("54501", 0x81b10)
        );
        assert_eq!(token.base_guid, None);
        let step = FULL.replace("\ttoguid", "\tfromguid = 0x7\n\ttoguid");
        assert_eq!(parse(&step, "1-a-b-c").unwrap().base_guid.unwrap(), "7");
        assert_eq!(parse("cannot resume send\n", "1-a-b-c"), None);
    }
}
