//! An init that only waits: the whole program.
//!
//! To run one command in a stopped container, some program has to be process 1. It must not depend on
//! the guest: no libraries, no shell, no `/sbin/init`. It is a program of some hundred
//! bytes that calls `pause(2)` forever. The helper that ran the command kills it afterwards.
//!
//! It reaps nobody: the processes of a pid namespace end with its process 1, moments later.

/// Where guests see it.
pub const IDLE_IN_GUEST: &str = "/dev/.osctl-idle";

/// Where the program is loaded, and where its code begins in the file.
const BASE: u64 = 0x40_0000;
const HEAD: u64 = 64 + 56;

/// `pause()` forever. *Source*: `arch/x86/entry/syscalls/syscall_64.tbl`.
const X86_64: &[u8] = &[
    0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
    0x0f, 0x05, // syscall
    0xeb, 0xf7, // jmp to the beginning
];

/// `ppoll(NULL, 0, NULL, NULL, 8)` forever, as there is no `pause`. *Source*:
/// `include/uapi/asm-generic/unistd.h`.
const AARCH64: &[u32] = &[
    0xd280_0000, // mov x0, 0
    0xd280_0001, // mov x1, 0
    0xd280_0002, // mov x2, 0
    0xd280_0003, // mov x3, 0
    0xd280_0104, // mov x4, 8
    0xd280_0928, // mov x8, 73 (ppoll)
    0xd400_0001, // svc 0
    0x17ff_fff9, // b to the beginning
];

/// The program for an architecture as `uname -m` calls it; `None` for one that we have no code for.
///
/// *Source*: elf(5).
pub fn idle_program(arch: &str) -> Option<Vec<u8>> {
    let (machine, code): (u16, Vec<u8>) = match arch {
        "x86_64" => (62, X86_64.to_vec()),
        "aarch64" => (
            183,
            AARCH64.iter().flat_map(|word| word.to_le_bytes()).collect(),
        ),
        _ => return None,
    };
    let size = HEAD + u64::try_from(code.len()).ok()?;
    let mut file = Vec::new();
    // ELF header: 64 bits, little endian, version 1, then padding.
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend(2_u16.to_le_bytes()); // an executable
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend((BASE + HEAD).to_le_bytes()); // entry
    file.extend(64_u64.to_le_bytes()); // program headers are here
    file.extend(0_u64.to_le_bytes()); // no sections
    file.extend(0_u32.to_le_bytes()); // flags
    for half in [64_u16, 56, 1, 64, 0, 0] {
        // Sizes and numbers of headers: this one, one program header, no sections.
        file.extend(half.to_le_bytes());
    }
    // One program header: all of the file, readable and executable.
    file.extend(1_u32.to_le_bytes());
    file.extend(5_u32.to_le_bytes());
    for word in [0, BASE, BASE, size, size, 0x1_0000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_waits_until_it_is_killed() {
        let program = idle_program(std::env::consts::ARCH).expect("this architecture is known");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("idle");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&program).unwrap();
        drop(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o555)).unwrap();
        let child = os_sys::spawn(os_sys::SpawnRequest::new(&path)).unwrap();
        let ended = child.pidfd().wait_exit(Duration::from_millis(100)).unwrap();
        assert!(!ended, "it does not wait");
        assert!(child.pidfd().send_signal(os_sys::Signal::KILL).unwrap());
        assert!(child.pidfd().wait_exit(Duration::from_secs(10)).unwrap());
    }

    #[test]
    fn sizes_are_as_the_headers_say() {
        for arch in ["x86_64", "aarch64"] {
            let program = idle_program(arch).unwrap();
            let size = u64::from_le_bytes(program[96..104].try_into().unwrap());
            assert_eq!(usize::try_from(size).unwrap(), program.len());
        }
        assert_eq!(idle_program("m68k"), None);
    }
}
