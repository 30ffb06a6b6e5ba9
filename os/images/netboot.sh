# Builder of a directory for an HTTP server: kernel, initrd, root.squashfs and an iPXE script.
mkdir "$out"
cp "$tree/boot/vmlinuz-$kernel" "$out/kernel"
cp "$initrd" "$out/initrd"
ln "$root" "$out/root.squashfs" 2>/dev/null || cp "$root" "$out/root.squashfs"
sum=$(sha256sum "$root" | cut -d ' ' -f 1)
echo "$commandLine" >"$out/command-line"
(cd "$out" && sha256sum kernel initrd root.squashfs >SHA256SUMS)
cat >"$out/boot.ipxe" <<END
#!ipxe
# Serve this directory over HTTP, for example with DHCP option 67 = http://SERVER/boot.ipxe.
# The kernel parameters contain the address of the directory. iPXE of 2024 and later knows it (cwduri); older
# versions derive it from the DHCP option. A script that chains this one can set it: set base http://SERVER/
isset \${base} || set base \${cwduri}
isset \${base} || set base \${filename}/../
kernel kernel initrd=initrd $commandLine httproot=\${base}/root.squashfs httproot.sha256=$sum ip=dhcp
initrd initrd
boot
END
