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
kernel \${cwuri}kernel initrd=initrd $commandLine httproot=\${cwuri}root.squashfs httproot.sha256=$sum ip=dhcp
initrd \${cwuri}initrd
boot
END
