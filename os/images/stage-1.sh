# Builder of the first half of an initrd: busybox, the drivers of $kernel, and the script of stage 1.
stage=$(mktemp -d)
chmod 0755 "$stage"
trap 'rm -rf "$stage"' EXIT
cd "$stage"
mkdir -p bin etc "lib/modules/$kernel"
cp "$tree/usr/bin/busybox" bin/
install -m 0755 "$stage1" init
install -m 0755 "$udhcpc" etc/udhcpc.script
cp "$proc" etc/proc
echo "$version" >etc/version
echo "$changesSize" >etc/changes-size
stat -c %s "$root" >etc/root-size
basename "$root" | cut -c 1-32 >etc/root-id

# Drivers with their dependencies, decompressed, because busybox cannot load xz modules. A driver that this
# kernel flavour lacks is built in, or not available.
for module in $always $available; do
    modprobe -d "$tree" -S "$kernel" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
    target=lib/modules/$kernel/${file##*/lib/modules/"$kernel"/}
    mkdir -p "$(dirname "$target")"
    case $file in
    *.xz) xz -dc "$file" >"${target%.xz}" ;;
    *) cp "$file" "$target" ;;
    esac
done
# Firmware of these drivers, as far as the packages of hardware.firmware contain it.
find lib/modules -name '*.ko' -exec modinfo -F firmware {} + | sort -u | while read -r file; do
    [ ! -e "$tree/usr/lib/firmware/$file" ] || install -D -m 0644 -t "lib/firmware/$(dirname "$file")" "$tree/usr/lib/firmware/$file"
done
for list in modules.order modules.builtin modules.builtin.modinfo; do
    cp "$tree/usr/lib/modules/$kernel/$list" "lib/modules/$kernel/"
done
depmod -b . "$kernel"
for module in $always; do
    ! modprobe -d . -S "$kernel" --show-depends "$module" >/dev/null 2>&1 || echo "$module"
done >etc/modules
find . -exec touch -h -d @0 {} +
find . -print0 | sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet | zstd -q -15 -T2 -o "$out"
