//! Host ids that do not belong to osctl: accounts and delegations of the host, and what is reserved.

use os_types::IdSpan;

use crate::claim::{Claim, Holder, Spans};

/// Ids that no user and no allocation ever gets, whatever the host's files say.
///
/// The first 16 bits are the host's own accounts (and `nobody`); the other run is where our system
/// users come from.
const RESERVED: [(u32, u32, &str); 2] = [
    (0, 65_536, "the host"),
    (100_000, 100_000, "system users of osctl"),
];

/// Ids that somebody on the host has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignSpan {
    /// The owner, e.g. `account games in /etc/passwd`.
    pub owner: String,
    /// The name at the beginning of its line.
    pub account: String,
    /// The ids.
    pub span: IdSpan,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignIds {
    /// User ids.
    pub uids: Vec<ForeignSpan>,
    /// Group ids.
    pub gids: Vec<ForeignSpan>,
}

impl ForeignIds {
    /// What the account files say, given the text outside our blocks.
    ///
    /// Lines that cannot be understood are the host's affair: they are left out. A delegation that
    /// reaches beyond the last id is cut there.
    ///
    /// *Source*: `passwd(5)`, `group(5)`, `subuid(5)`, `subgid(5)`.
    pub fn parse(passwd: &str, group: &str, subuid: &str, subgid: &str) -> Self {
        let mut uids = accounts(passwd, "account", "/etc/passwd");
        uids.extend(delegations(subuid, "/etc/subuid"));
        let mut gids = accounts(group, "group", "/etc/group");
        gids.extend(delegations(subgid, "/etc/subgid"));
        Self { uids, gids }
    }

    /// User ids and group ids, including reserved ones, ready to be searched.
    pub fn spans(&self) -> [Spans; 2] {
        [&self.uids, &self.gids].map(|foreign| {
            let nobodys = RESERVED.iter().filter_map(|(first, count, whom)| {
                let span = IdSpan::new(*first, *count)?;
                Some(Claim::new(span, Holder::Nobody(whom)))
            });
            let foreign = foreign.iter().cloned();
            let foreign = foreign.map(|f| Claim::new(f.span, Holder::Foreign(f)));
            Spans::new(foreign.chain(nobodys).collect())
        })
    }

    /// Whether an account of that name is in passwd, or a group in group.
    pub fn has_account(&self, name: &str) -> bool {
        let mut all = self.uids.iter().chain(&self.gids);
        all.any(|foreign| foreign.account == name)
    }
}

/// `name:password:id:...`, as in passwd and group.
fn accounts(text: &str, kind: &str, file: &str) -> Vec<ForeignSpan> {
    let line = |line: &str| {
        let mut fields = line.split(':');
        let account = fields.next()?;
        let id = fields.nth(1)?.parse().ok()?;
        Some(ForeignSpan {
            span: IdSpan::new(id, 1)?,
            owner: format!("{kind} {account} in {file}"),
            account: account.to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

/// `name:first:count`, as in subuid and subgid.
fn delegations(text: &str, file: &str) -> Vec<ForeignSpan> {
    let line = |line: &str| {
        let mut fields = line.trim_end().split(':');
        let account = fields.next()?;
        let first: u32 = fields.next()?.parse().ok()?;
        let count: u64 = fields.next()?.parse().ok()?;
        let count = count.min(u64::from(u32::MAX) - u64::from(first));
        Some(ForeignSpan {
            span: IdSpan::new(first, u32::try_from(count).ok()?)?,
            owner: format!("{account} in {file}"),
            account: account.to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_host_says() {
        let foreign = ForeignIds::parse(
            "root:x:0:0:root:/root:/bin/bash\n# comment\ngames:x:5:60::/:/bin/sh\n+::::::\nbad:x:-1:0\n",
            "root:x:0:\ngames:x:60:\n",
            "bob:165536:65536\n1000:1000000:65536\nx:1:0\nwide:4294967000:65536\nhuge:1:99999999999\n",
            "",
        );
        let owners: Vec<_> = foreign
            .uids
            .iter()
            .map(|f| (f.owner.as_str(), f.span.to_string()))
            .collect();
        let expected = [
            ("account root in /etc/passwd", "0-0"),
            ("account games in /etc/passwd", "5-5"),
            ("bob in /etc/subuid", "165536-231071"),
            ("1000 in /etc/subuid", "1000000-1065535"),
            ("wide in /etc/subuid", "4294967000-4294967294"),
            ("huge in /etc/subuid", "1-4294967294"),
        ];
        assert_eq!(
            owners,
            expected.map(|(owner, span)| (owner, span.to_owned()))
        );
        assert_eq!(foreign.gids.len(), 2);
        assert!(foreign.has_account("games") && !foreign.has_account("alice"));
    }

    #[test]
    fn reserved_ids_are_always_there() {
        let [uids, gids] = ForeignIds::default().spans();
        for (id, whom) in [(65_534, "the host"), (150_000, "system users of osctl")] {
            for spans in [&uids, &gids] {
                let claim = spans
                    .first(IdSpan::new(id, 1).unwrap(), &|_| false)
                    .unwrap();
                assert_eq!(claim.holder.to_string(), whom);
            }
        }
        assert!(uids.reach(IdSpan::new(65_536, 1000).unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "([a-z0-9:#+\\- ]{0,30}\n?){0,6}") {
            ForeignIds::parse(&text, &text, &text, &text).spans();
        }
    }
}
