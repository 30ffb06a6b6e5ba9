//! The system call interfaces that programs of a guest may use on this host, and how they number calls.
//!
//! A 64-bit kernel runs 32-bit programs too, with other numbers. LXC installs rules for all of them, and
//! a filter without one of them would kill its programs, or let them through.

use std::str::FromStr as _;

/// One system call interface.
#[derive(Debug)]
pub(super) struct Abi {
    /// What `seccomp_data.arch` says. *Source*: linux/audit.h.
    pub(super) token: u32,
    /// Its section in a policy, in lower case.
    pub(super) section: &'static str,
    numbers: fn(&str) -> Vec<Number>,
}

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) call: i64,
    /// The first argument, if this number stands for several calls.
    pub(super) first: Option<u64>,
}

impl Abi {
    /// All ways to make the call of this name; none if this interface has no such call.
    pub(super) fn numbers(&self, name: &str) -> Vec<Number> {
        (self.numbers)(name)
    }
}

/// The interfaces of this host.
#[cfg(target_arch = "x86_64")]
pub(super) const ABIS: &[Abi] = &[
    Abi {
        token: 0xc000_003e,
        section: "x86_64",
        numbers: |name| plain(syscalls::Sysno::from_str(name).ok().map(|it| it.id())),
    },
    Abi {
        token: 0xc000_003e,
        section: "x32",
        numbers: x32,
    },
    Abi {
        token: 0x4000_0003,
        section: "x86",
        numbers: i386,
    },
];

/// The interfaces of this host.
#[cfg(target_arch = "aarch64")]
pub(super) const ABIS: &[Abi] = &[
    Abi {
        token: 0xc000_00b7,
        section: "arm64",
        numbers: |name| plain(syscalls::Sysno::from_str(name).ok().map(|it| it.id())),
    },
    Abi {
        token: 0x4000_0028,
        section: "arm",
        numbers: |name| plain(syscalls::arm::Sysno::from_str(name).ok().map(|it| it.id())),
    },
];

fn plain(number: Option<i32>) -> Vec<Number> {
    let call = number.map(i64::from);
    call.map(|call| Number { call, first: None })
        .into_iter()
        .collect()
}

/// `__X32_SYSCALL_BIT`, asm/unistd.h.
#[cfg(target_arch = "x86_64")]
const X32: i32 = 0x4000_0000;

/// Calls that x32 numbers differently, from 512. *Source*: `arch/x86/entry/syscalls/syscall_64.tbl`.
#[cfg(target_arch = "x86_64")]
const X32_CALLS: &[&str] = &[
    "rt_sigaction",
    "rt_sigreturn",
    "ioctl",
    "readv",
    "writev",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "execve",
    "ptrace",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "sigaltstack",
    "timer_create",
    "mq_notify",
    "kexec_load",
    "waitid",
    "set_robust_list",
    "get_robust_list",
    "vmsplice",
    "move_pages",
    "preadv",
    "pwritev",
    "rt_tgsigqueueinfo",
    "recvmmsg",
    "sendmmsg",
    "process_vm_readv",
    "process_vm_writev",
    "setsockopt",
    "getsockopt",
    "io_setup",
    "io_submit",
    "execveat",
    "preadv2",
    "pwritev2",
];

#[cfg(target_arch = "x86_64")]
fn x32(name: &str) -> Vec<Number> {
    let own = (512..).zip(X32_CALLS).find(|(_, call)| **call == name);
    let number = own.map(|(number, _)| number);
    let number = number.or_else(|| Some(syscalls::Sysno::from_str(name).ok()?.id()));
    plain(number.map(|number| number | X32))
}

/// `socketcall` and `ipc` of i386: the call that the first argument stands for. *Source*: linux/net.h,
/// linux/ipc.h.
#[cfg(target_arch = "x86_64")]
const MULTIPLEXED: &[(i64, u64, &str)] = &[
    (102, 1, "socket"),
    (102, 2, "bind"),
    (102, 3, "connect"),
    (102, 4, "listen"),
    (102, 5, "accept"),
    (102, 6, "getsockname"),
    (102, 7, "getpeername"),
    (102, 8, "socketpair"),
    (102, 9, "send"),
    (102, 10, "recv"),
    (102, 11, "sendto"),
    (102, 12, "recvfrom"),
    (102, 13, "shutdown"),
    (102, 14, "setsockopt"),
    (102, 15, "getsockopt"),
    (102, 16, "sendmsg"),
    (102, 17, "recvmsg"),
    (102, 18, "accept4"),
    (102, 19, "recvmmsg"),
    (102, 20, "sendmmsg"),
    (117, 1, "semop"),
    (117, 2, "semget"),
    (117, 3, "semctl"),
    (117, 4, "semtimedop"),
    (117, 11, "msgsnd"),
    (117, 12, "msgrcv"),
    (117, 13, "msgget"),
    (117, 14, "msgctl"),
    (117, 21, "shmat"),
    (117, 22, "shmdt"),
    (117, 23, "shmget"),
    (117, 24, "shmctl"),
];

#[cfg(target_arch = "x86_64")]
fn i386(name: &str) -> Vec<Number> {
    let mut numbers = plain(syscalls::x86::Sysno::from_str(name).ok().map(|it| it.id()));
    let others = MULTIPLEXED.iter().filter(|(_, _, call)| *call == name);
    numbers.extend(others.map(|(call, first, _)| Number {
        call: *call,
        first: Some(*first),
    }));
    numbers
}
