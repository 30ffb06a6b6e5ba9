//! Filters of system calls.

use std::io;

use crate::SysError;

/// One instruction of a filter: `struct sock_filter`, linux/filter.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterInstruction {
    /// What it does.
    pub code: u16,
    /// How far to jump if it is true.
    pub jump_true: u8,
    /// How far to jump if it is false.
    pub jump_false: u8,
    /// Its operand.
    pub operand: u32,
}

/// Installs a filter for this process and all that it becomes and starts, permanently.
///
/// Unlike most libraries it does not forbid new privileges on the way, with which neither sudo nor
/// ping would work: so it is for root of a user namespace.
///
/// *Errors*: `EACCES` without `CAP_SYS_ADMIN`; `EINVAL` for an invalid program. *Source*: seccomp(2).
pub fn install_filter(program: &[FilterInstruction]) -> Result<(), SysError> {
    let failed = |e: io::Error| SysError::new("install", "a filter of system calls", e);
    let mut instructions: Vec<libc::sock_filter> = program
        .iter()
        .map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.jump_true,
            jf: instruction.jump_false,
            k: instruction.operand,
        })
        .collect();
    let length = libc::c_ushort::try_from(instructions.len());
    let program = libc::sock_fprog {
        len: length.map_err(|_long| failed(io::ErrorKind::InvalidInput.into()))?,
        filter: instructions.as_mut_ptr(),
    };
    // SAFETY: the program points to as many instructions as it says, which live until the kernel has
    // copied them; the call changes no memory of this process.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(failed(io::Error::last_os_error())),
    }
}
