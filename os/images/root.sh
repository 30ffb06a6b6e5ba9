# Builder of root.squashfs: the Debian tree of $tree, with the ZFS modules of $zfs for $kernel.
source "$squashfs"
copy=$(mktemp -d)
chmod 0755 "$copy"
trap 'chmod -R u+w "$copy"; rm -rf "$copy" "$copy.modes"' EXIT
cp -a --reflink=auto "$tree/." "$copy/"
chmod -R u+w "$copy"
[ -d "$zfs/$kernel" ] || {
    echo "there are ZFS modules for $(ls "$zfs"), and the kernel is $kernel:" >&2
    echo "ask for both again with UPDATE=1" >&2
    exit 1
}
cp -r "$zfs/$kernel/extra" "$copy/usr/lib/modules/$kernel/"
chmod -R u+w "$copy/usr/lib/modules/$kernel/extra"
depmod -b "$copy" "$kernel"
for path in $leftOut; do rm -rf "${copy:?}"/$path; done

# Kernel and initrd are separate files; mount points have to exist.
rm -rf "$copy"/boot/*
mkdir -p "$copy"/{proc,sys,dev,run,tmp,mnt,srv,opt,root,home} "$copy/usr/lib/vpsadminos"
# Stage 1 accepts only the root with the id of its own build.
basename "$out" | cut -c 1-32 >"$copy/usr/lib/vpsadminos/root-id"

grep -vE '^(proc|sys|dev|run) ' "$modes" | while read -r path rest; do
    [ ! -e "$copy/$path" ] || printf '%s %s\n' "$path" "$rest"
done >"$copy.modes"
pack "$copy" "$copy.modes"
