//! Errors as users meet them: a stable code, what, why and the next command.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chain;

/// Defines the codes once: variant, published text, HTTP status, title, explanation.
macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $exit:literal, $title:literal, $explanation:literal;)*) => {
        /// The stable code of an error; published in answers, logs and the history.
        ///
        /// A code is never reused for another meaning. `osctl help <code>` prints its explanation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code there is, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The published text, e.g. `E-NOT-FOUND`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status it travels with (RFC 9110).
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The exit code of `osctl`, see `osctl help exit-codes`.
            pub const fn exit(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }

            /// A short title that is the same for every occurrence (RFC 9457).
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what to do, a paragraph.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }
        }
    };
}

codes! {
    Usage = "E-USAGE", 400, 2, "The command line is not valid",
        "There is no such command or option, or a value is missing or not valid; the message says which. `--help` after a command shows what it takes. Nothing was changed.";
    Name = "E-NAME", 400, 2, "A name or value is not valid",
        "A name, id, size or key breaks the rule of its kind; the message says which rule. Nothing was changed.";
    Body = "E-BODY", 400, 2, "The request cannot be read",
        "The body or the query of a request is not what its endpoint takes: not JSON, a missing or unknown key, a wrong type, or nested too deep. The endpoint's schema is in /openapi.json.";
    TooLarge = "E-TOO-LARGE", 413, 2, "The request is too large",
        "A request body may have at most 1 MiB. Nothing of it was used.";
    Method = "E-METHOD", 405, 2, "The address does not take this method",
        "The path exists, but not for this HTTP method. /openapi.json lists the methods of every path.";
    NotFound = "E-NOT-FOUND", 404, 3, "There is no such thing",
        "The pool, user, group, id range, operation or address named does not exist, or its pool is not imported. `osctl pool ls` shows the imported pools; the matching `ls` command shows what there is.";
    Ambiguous = "E-AMBIGUOUS", 409, 3, "The name means several things",
        "An abbreviation fits several operations. Give more of it.";
    Exists = "E-EXISTS", 409, 4, "It exists already",
        "Something of that name exists already. The names of one kind are unique on a pool.";
    InUse = "E-IN-USE", 409, 4, "It is in use",
        "It cannot be removed or changed while something else depends on it; the message names what.";
    Overlap = "E-OVERLAP", 409, 4, "The ids belong to somebody else",
        "The id maps of all users on all imported pools, and the subuid and subgid lines of this host, are disjoint, so that no tenant can ever touch another's files. The message names the owner of the ids. Choose other ids or let osctld choose them (`osctl user new` without --map).";
    NoIds = "E-NO-IDS", 409, 4, "No free ids are left",
        "The id range has no free run of blocks of that length. `osctl id-range table ls <range>` shows who has them; `osctl id-range new` makes another range.";
    PoolState = "E-POOL-STATE", 409, 4, "The pool is not in the right state",
        "The command needs the pool imported (or exported), and it is not. `osctl pool ls` shows the imported pools.";
    PoolForeign = "E-POOL-FOREIGN", 409, 5, "Another host has the pool open",
        "The pool carries the mark of another host which imported it and did not export it. Export it there first. If that host was removed permanently, `osctl pool import --force` takes the pool over; doing so while the other host still uses it destroys the pool.";
    PoolSchema = "E-POOL-SCHEMA", 409, 5, "The pool was written by a newer version",
        "A file on the pool has a schema version that this version does not know. Use the version that wrote it, or let that version roll the pool back first. Nothing was changed on the pool.";
    ContainerState = "E-CONTAINER-STATE", 409, 4, "The container is not in the right state",
        "The command needs the container running (or stopped), and it is not. `osctl ct ls` shows what runs; `osctl ct start` and `osctl ct stop` change it.";
    Image = "E-IMAGE", 409, 5, "The image cannot be used",
        "The archive is damaged, is of another architecture, lacks an init, or has something in it that a container's root must not have; the message says which. Nothing of it was kept. `osctl-image verify FILE` checks an archive without a daemon.";
    Start = "E-START", 500, 8, "The container did not start",
        "LXC or the container's init ended before init was running; the message has what they said. `osctl ct log cat <id>` shows the log; `osctl ct start --debug` makes it longer. Nothing of the attempt is left running.";
    Hook = "E-HOOK", 409, 8, "A script of the administrator refused",
        "A script in the hook directory of the container or the pool ended with an error, or ran into its time limit; the message has its path and the end of what it printed.";
    NotAPool = "E-NOT-A-POOL", 409, 5, "It is not a pool",
        "The path, device or file system is not a pool of osctl. `osctl pool install` makes an existing btrfs file system into one, `osctl pool new` makes a new one in a file.";
    Damaged = "E-DAMAGED", 409, 5, "A file on the pool cannot be read",
        "A configuration file is damaged; the message names file and line. Only the entity it describes is disabled. Repair the file by hand and run `osctl pool reload <pool>`, or remove the entity with its del command. Everything else works on.";
    Conflict = "E-CONFLICT", 409, 4, "It was changed by somebody else",
        "A step found neither the state it starts from nor the state it leads to: something else changed the object in between. What the operation had done was reverted. Look at the object and run the command again.";
    NoUndo = "E-NO-UNDO", 409, 4, "The operation cannot be undone",
        "Undo applies the inverse of each step. This operation has a step without a complete inverse (something was destroyed), or what it made was changed since, or it was undone already. The message says which.";
    Busy = "E-BUSY", 503, 6, "Too much is waiting",
        "The queue of the entity, or the number of operations in progress, has reached its bound. `osctl operation ls` shows what it is waiting for. Try again later.";
    Draining = "E-DRAINING", 503, 6, "osctld is being prepared for a stop",
        "`osctl daemon prepare-stop` has closed the admission of commands that start, stop, freeze or delete containers. They are accepted again after `osctl daemon resume`, or by the next osctld.";
    Deadline = "E-DEADLINE", 504, 7, "It took too long",
        "The operation or a wait reached its deadline; the message names what it was waiting for. What was done so far was reverted, unless the message says otherwise.";
    Cancelled = "E-CANCELLED", 409, 7, "It was cancelled",
        "Somebody cancelled the operation (`osctl operation cancel`). What it had done was reverted.";
    NoSpace = "E-NO-SPACE", 507, 8, "No space is left",
        "The pool, the file system of the host or a quota is full. What was written so far was reverted; nothing that existed was lost. Free space (`osctl pool show <pool>`) and run the command again.";
    File = "E-FILE", 500, 8, "A file cannot be read or written",
        "The host or the pool refused a file; the message has its path and the reason. Look at the file system it is on: is it mounted, writable and free of errors (`dmesg`)? What the operation had done was reverted.";
    Storage = "E-STORAGE", 500, 8, "The storage refused",
        "ZFS, btrfs, a block device or a mount failed; the message says what was attempted and what the kernel or the program answered. Look at `osctl pool show <pool>`, `dmesg` and for ZFS at `zpool status`. What the operation had done was reverted.";
    Cgroup = "E-CGROUP", 500, 8, "A control group refused",
        "The kernel's control groups cannot be read or changed; the message has the file and the reason. Check that cgroup2 is mounted (`findmnt -t cgroup,cgroup2`) and that no other program manages osctld's groups.";
    Program = "E-PROGRAM", 500, 8, "A program failed or is not installed",
        "osctld runs programs of the host (such as zfs, mkfs.btrfs, lxc-start); the message has the command and what it printed. Install what is missing, or run the command by hand to see more.";
    System = "E-SYSTEM", 500, 8, "The kernel refused a system call",
        "A process could not be started, watched or signalled, or another system call failed; the message has the call and the reason. Look at `dmesg`, the limits of processes and memory, and the log of osctld.";
    Step = "E-STEP", 500, 8, "A step of the operation failed",
        "Only in histories of earlier versions and for failures that fit no other code: a step failed, and the message says why. `osctl operation show <id>` lists the steps.";
    Privilege = "E-PRIVILEGE", 403, 9, "Root is needed",
        "Only root on the host may use osctld and change its state.";
    NoDaemon = "E-NO-DAEMON", 503, 10, "osctld cannot be reached",
        "Nothing answers on osctld's socket. Listings read the pools directly and work without it; changes need it. Start it (`osctld`, or the service of your init system) and look into its log.";
    Protocol = "E-PROTOCOL", 502, 10, "osctld gave an answer that cannot be understood",
        "The program on the socket is not osctld, or is of another version, or died in the middle of an answer. `osctl ping` tells the version.";
    Internal = "E-INTERNAL", 500, 1, "A fault in osctld",
        "This is a mistake in the program, not yours. The log of osctld has the details under the request id of the message; please report it.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a module's own error type explains itself to users.
pub trait Explain: Error {
    /// The stable code.
    fn code(&self) -> Code;
    /// The object it is about, e.g. `user tank:alice`.
    fn object(&self) -> Option<String> {
        None
    }
    /// The next command to run, e.g. `osctl pool import tank`.
    fn next(&self) -> Option<String> {
        None
    }
}

/// An error in the form in which it leaves the program: kept in journals and sent in answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What failed and why: the error with its causes.
    pub message: String,
    /// The object it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The next command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Failure {
    /// A failure with a code and a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            object: None,
            next: None,
        }
    }

    /// Something of that kind and name exists already; `object` is e.g. `user tank:alice`.
    pub fn exists(object: impl fmt::Display) -> Self {
        Self::new(Code::Exists, format!("{object} exists already")).about(object)
    }

    /// The same, about `object`.
    #[must_use]
    pub fn about(mut self, object: impl fmt::Display) -> Self {
        self.object = Some(object.to_string());
        self
    }

    /// The same, with the next command.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            code: error.code(),
            message: chain(&error),
            object: error.object(),
            next: error.next(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl Explain for crate::names::NameError {
    fn code(&self) -> Code {
        Code::Name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().starts_with("E-"));
            assert!(code.explanation().ends_with('.'), "{code}");
            assert!((400..600).contains(&code.status()), "{code}");
            assert!(code.exit() > 0, "{code}");
        }
    }
}
