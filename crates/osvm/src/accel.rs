//! KVM or TCG: asked of the machine, not of the host.
//!
//! A `/dev/kvm` can be there and still not run a stock kernel (nested, filtered or emulated by
//! somebody else). So the first question is answered by booting the very kernel of the machine,
//! with an initrd that says a word and turns the machine off. The answer is kept beside the kernel.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use os_sys::{Signal, SpawnRequest};

use crate::{Initrd, VmError, host};

/// How QEMU runs the machine's processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// By the host's processor.
    Kvm,
    /// By translation: works everywhere, several times slower.
    Tcg,
}

/// What the probe's machine says.
const WORD: &str = "this-kernel-runs-under-kvm";

/// A boot of nothing takes two seconds where KVM works.
const PROBE_PATIENCE: Duration = Duration::from_secs(20);

/// What is slow to emulate is left out: a fifth level of page tables, copies byte by byte (`erms`,
/// `fsrm`), and what has an implementation of its own in ZFS and the kernel's crypto, which measure and
/// test them all when they are loaded.
const TCG_CPU: &str =
    "max,la57=off,erms=off,fsrm=off,avx=off,avx2=off,sse4.2=off,aes=off,pclmulqdq=off";

impl Accel {
    /// What works for this kernel here. `OSVM_ACCEL=kvm` or `OSVM_ACCEL=tcg` answers instead.
    ///
    /// *Blocking*: up to 20 s for the first caller, and for those that ask meanwhile; afterwards the
    /// answer is read from `NAME.accel` beside the kernel. It is asked again after a reboot of the
    /// host and for another kernel.
    pub fn choose(qemu: &Path, kernel: &Path) -> Result<Self, VmError> {
        match std::env::var("OSVM_ACCEL").as_deref() {
            Ok("kvm") => return Ok(Self::Kvm),
            Ok("tcg") => return Ok(Self::Tcg),
            Ok("") | Err(_) => {}
            Ok(value) => {
                return Err(VmError::Setting {
                    name: "OSVM_ACCEL",
                    value: value.to_owned(),
                    takes: "kvm or tcg",
                });
            }
        }
        if File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_err()
        {
            return Ok(Self::Tcg);
        }
        remembered(qemu, kernel)
    }

    /// How many times as long as under KVM things may take.
    pub fn slowness(self) -> u32 {
        match self {
            Self::Kvm => 1,
            Self::Tcg => 4,
        }
    }

    /// The arguments of QEMU.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", TCG_CPU],
        }
    }

    /// Kernel parameters for it.
    pub(crate) fn parameters(self) -> &'static str {
        match self {
            Self::Kvm => "",
            // Each jump that is guarded against speculation, and each page that is cleared twice, is
            // translated code. And a host with other work to do is late with the few ticks of the timer that
            // the kernel waits for at boot, before it panics.
            Self::Tcg => "mitigations=off init_on_alloc=0 no_timer_check",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// The answer in the file beside the kernel; asks if there is none for this kernel and host.
fn remembered(qemu: &Path, kernel: &Path) -> Result<Accel, VmError> {
    let note = beside(kernel);
    // One asks, the others wait for its answer. Without a writable directory the answer is not kept.
    let lock = File::create(note.with_extension("accel-lock")).ok();
    if let Some(lock) = &lock {
        let locked = || Ok::<_, VmError>(lock.try_lock().ok());
        os_sys::patience::until(PROBE_PATIENCE * 2, locked)?;
    }
    let about = identity(kernel)?;
    let answers = [Accel::Kvm, Accel::Tcg];
    let line = |accel: Accel| format!("{} {about}\n", accel.word());
    if let Ok(known) = std::fs::read_to_string(&note)
        && let Some(accel) = answers.into_iter().find(|accel| known == line(*accel))
    {
        return Ok(accel);
    }
    let accel = probe(qemu, kernel)?;
    if lock.is_some() {
        host::write(&note, line(accel).as_bytes())?;
    }
    Ok(accel)
}

fn beside(kernel: &Path) -> PathBuf {
    let mut name = kernel.file_name().unwrap_or_default().to_owned();
    name.push(".accel");
    kernel.with_file_name(name)
}

/// What the answer is about: this boot of the host, this kernel.
fn identity(kernel: &Path) -> Result<String, VmError> {
    let metadata = kernel.metadata().map_err(VmError::file("read", kernel))?;
    let changed = metadata.modified().unwrap_or(UNIX_EPOCH);
    let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    let boot = os_sys::boot_id()?;
    Ok(format!("{boot} {} {}", metadata.len(), changed.as_nanos()))
}

/// Boots the kernel under KVM. Whatever is not the word and a clean end means no.
fn probe(qemu: &Path, kernel: &Path) -> Result<Accel, VmError> {
    let place = std::env::temp_dir();
    let dir = tempfile::Builder::new().prefix("osvm-probe-").tempdir();
    let dir = dir.map_err(VmError::file("create a directory in", &place))?;
    let init = format!(
        "#!/bin/busybox sh\n\
         busybox mount -t devtmpfs dev /dev\n\
         echo {WORD} >/dev/ttyS0\n\
         busybox poweroff -f\n"
    );
    let initrd = Initrd::with_busybox(&init)?.write_to(dir.path().join("initrd"))?;
    let console = dir.path().join("console");
    let output = File::create(&console).map_err(VmError::file("make", &console))?;
    let request = SpawnRequest::new(qemu)
        .args(Accel::Kvm.arguments())
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ])
        .args(["-machine", "q35", "-m", "256", "-serial", "stdio"])
        .args(["-append", "console=ttyS0 quiet panic=-1", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .stdout(output);
    let mut child = host::spawn_bound(request).map_err(|source| VmError::Start {
        machine: "for the probe of KVM".to_owned(),
        source,
    })?;
    let ended = child.wait(PROBE_PATIENCE)?;
    if ended.is_none() {
        child.signal_group(Signal::KILL)?;
        child.wait(PROBE_PATIENCE)?;
    }
    let said = std::fs::read(&console).map_err(VmError::file("read", &console))?;
    let works = ended.is_some_and(|status| status.success())
        && String::from_utf8_lossy(&said).contains(WORD);
    Ok(if works { Accel::Kvm } else { Accel::Tcg })
}
