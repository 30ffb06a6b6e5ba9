# Builder of a folder that an HTTP server hands out: kernel, initrd, root.squashfs and an iPXE script.
mkdir "$out"
cp "$tree/boot/vmlinuz-$kernel" "$out/kernel"
cp "$initrd" "$out/initrd"
ln "$root" "$out/root.squashfs" 2>/dev/null || cp "$root" "$out/root.squashfs"
sum=$(sha256sum "$root" | cut -d ' ' -f 1)
echo "$commandLine" >"$out/command-line"
(cd "$out" && sha256sum kernel initrd root.squashfs >SHA256SUMS)
cat >"$out/boot.ipxe" <<END
#!ipxe
# Hand out this folder over HTTP, for example with DHCP option 67 = http://SERVER/boot.ipxe.
# The system has to be told where that is. iPXE of 2024 and later knows it (cwduri); for an older one it is
# beside what DHCP named. A script that chains this one can say it: set base http://SERVER/
isset \${base} || set base \${cwduri}
isset \${base} || set base \${filename}/../
kernel kernel initrd=initrd $commandLine httproot=\${base}/root.squashfs httproot.sha256=$sum ip=dhcp
initrd initrd
boot
END
