# `source "$squashfs"`: how both layers are packed.

# pack FOLDER MODES: into $out, all of root but what the file MODES says (mksquashfs -pf), without a time
# that would make two builds differ.
pack() {
    mksquashfs "$1" "$out" -quiet -no-progress -all-root -noappend -comp zstd \
        -Xcompression-level "$level" -mkfs-time 0 -all-time 0 -pf "$2"
}
