use super::*;

const RW: LoopOptions = LoopOptions {
    access: Access::ReadWrite,
    direct_io: false,
};

/// Detaches at the end of a test, whatever happened in it.
struct Attached(LoopDevice);

impl Drop for Attached {
    fn drop(&mut self) {
        if let Err(e) = self.0.detach(Duration::from_secs(5)) {
            eprintln!("{e}");
        }
    }
}

fn image(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    File::create(&path).unwrap().set_len(1 << 20).unwrap();
    path
}

#[test]
fn root_attach_find_detach() {
    let dir = tempfile::tempdir().unwrap();
    let path = image(dir.path(), "an image");
    assert_eq!(LoopDevice::attached_to(&path).unwrap(), None);

    let device = Attached(LoopDevice::attach(&path, RW).unwrap());
    assert_eq!(
        LoopDevice::attached_to(&path).unwrap().as_ref(),
        Some(&device.0)
    );
    assert_eq!(device.0.backing_file().unwrap(), path);

    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(
        LoopDevice::attached_to(&link).unwrap().as_ref(),
        Some(&device.0)
    );

    device.0.detach(Duration::from_secs(5)).unwrap();
    assert_eq!(LoopDevice::attached_to(&path).unwrap(), None);
    device.0.detach(Duration::from_secs(5)).unwrap();
}

#[test]
fn root_removed_image_is_found_by_its_former_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = image(dir.path(), "gone");
    let device = Attached(LoopDevice::attach(&path, RW).unwrap());
    fs::remove_file(&path).unwrap();
    assert_eq!(
        LoopDevice::attached_to(&path).unwrap().as_ref(),
        Some(&device.0)
    );
    // A new file of the same name is another file.
    image(dir.path(), "gone");
    assert_eq!(LoopDevice::attached_to(&path).unwrap(), None);
}

#[test]
fn root_open_device_cannot_be_detached_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = image(dir.path(), "busy");
    let device = Attached(LoopDevice::attach(&path, RW).unwrap());
    let user = device.0.open().unwrap();
    let error = device.0.detach(Duration::from_millis(30)).unwrap_err();
    assert_eq!(error.errno(), Some(libc::ETIMEDOUT));
    drop(user);
    device.0.detach(Duration::from_secs(5)).unwrap();
}

#[test]
fn root_read_only_device_refuses_writes() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let path = image(dir.path(), "ro");
    let options = LoopOptions {
        access: Access::ReadOnly,
        ..RW
    };
    let device = Attached(LoopDevice::attach(&path, options).unwrap());
    let read_only = fs::read_to_string(device.0.sysfs("ro")).unwrap();
    assert_eq!(read_only.trim(), "1");
    let refused = OpenOptions::new()
        .write(true)
        .open(device.0.node())
        .and_then(|mut f| f.write_all(&[1; 512]).and_then(|()| f.sync_all()));
    refused.unwrap_err();
}
