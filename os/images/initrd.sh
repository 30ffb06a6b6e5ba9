# Builder of an initrd: the archive of stage 1, followed by an archive with the system layer.
# *Source*: the kernel's initramfs buffer format allows concatenated archives.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$systemLayer" "$work/system.squashfs"
touch -d @0 "$work/system.squashfs"
cp "$stage1" "$out"
chmod u+w "$out"
# An archive begins at a multiple of four bytes.
truncate -s "$((($(stat -c %s "$out") + 3) / 4 * 4))" "$out"
(cd "$work" && echo system.squashfs | cpio --create --format=newc --owner=0:0 --reproducible --quiet) >>"$out"
