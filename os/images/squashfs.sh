# `source "$squashfs"`: packs both layers.

# pack DIRECTORY MODES: writes $out. All files belong to root, except as listed in MODES (mksquashfs -pf), and
# have a fixed time, so that builds are reproducible.
pack() {
    mksquashfs "$1" "$out" -quiet -no-progress -all-root -noappend -comp zstd \
        -Xcompression-level "$level" -mkfs-time 0 -all-time 0 -pf "$2"
}
