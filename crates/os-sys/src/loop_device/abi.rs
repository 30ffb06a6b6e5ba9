//! The kernel interface of loop devices, as in `include/uapi/linux/loop.h`.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{LoopOptions, raw};
use crate::mount::Access;

const LOOP_CLR_FD: libc::c_ulong = 0x4C01;
const LOOP_CONFIGURE: libc::c_ulong = 0x4C0A;
const LOOP_CTL_GET_FREE: libc::c_ulong = 0x4C82;

const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_DIRECT_IO: u32 = 16;

#[repr(C)]
struct LoopInfo64 {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo64,
    reserved: [u64; 8],
}

// The kernel copies exactly these sizes; a mistake in the layout must not compile.
const _: () = assert!(size_of::<LoopInfo64>() == 232);
const _: () = assert!(size_of::<LoopConfig>() == 304);

/// Number of a device that is free right now; the kernel makes a new one if there is none.
pub(super) fn get_free(control: &File) -> io::Result<u32> {
    // SAFETY: LOOP_CTL_GET_FREE takes no argument and touches no memory of this process; the descriptor is
    // open for the whole call because `control` is borrowed.
    let number = unsafe { libc::ioctl(raw(control), LOOP_CTL_GET_FREE) };
    u32::try_from(number).map_err(|_negative| io::Error::last_os_error())
}

/// Attaches `backing` to the device.
pub(super) fn configure(
    device: &File,
    backing: &File,
    name: &Path,
    options: LoopOptions,
) -> io::Result<()> {
    let mut flags = 0;
    if options.access == Access::ReadOnly {
        flags |= LO_FLAGS_READ_ONLY;
    }
    if options.direct_io {
        flags |= LO_FLAGS_DIRECT_IO;
    }
    // Only for `losetup -l` of old kernels; the full path is in sysfs. Last byte stays zero.
    let mut file_name = [0; 64];
    for (to, from) in file_name
        .iter_mut()
        .take(63)
        .zip(name.as_os_str().as_bytes())
    {
        *to = *from;
    }
    let config = LoopConfig {
        fd: raw(backing).unsigned_abs(),
        block_size: 0,
        info: LoopInfo64 {
            device: 0,
            inode: 0,
            rdevice: 0,
            offset: 0,
            size_limit: 0,
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags,
            file_name,
            crypt_name: [0; 64],
            encrypt_key: [0; 32],
            init: [0; 2],
        },
        reserved: [0; 8],
    };
    // SAFETY: LOOP_CONFIGURE reads one `struct loop_config` from the pointer; `config` is that
    // structure (sizes asserted above), fully initialised, and lives until the call returns. Both
    // descriptors are open because the files are borrowed; the kernel takes its own reference.
    let result = unsafe { libc::ioctl(raw(device), LOOP_CONFIGURE, &raw const config) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Detaches whatever the device shows.
pub(super) fn clear(device: &File) -> io::Result<()> {
    // SAFETY: LOOP_CLR_FD takes no argument and touches no memory of this process; `device` is open for
    // the whole call.
    let result = unsafe { libc::ioctl(raw(device), LOOP_CLR_FD) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
