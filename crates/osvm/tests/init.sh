#!/bin/busybox sh
# Init of the test machines: loads modules, mounts file systems, and starts a root shell on hvc0.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*.ko; do
    insmod "$module" || echo "init: cannot load $module" >/dev/ttyS0
done
# The kernel panics when process 1 exits.
if grep -qw osvm.test=panic /proc/cmdline; then
    exit 1
fi
# The shell reads from a pipe: at a terminal busybox edits lines and echoes each byte by itself, which
# takes minutes for a file under TCG. And dd, since busybox's cat would use sendfile(2), by which every
# second line from a terminal is late.
while :; do
    {
        stty raw -echo
        dd bs=4096 2>/dev/null | setsid sh
    } </dev/hvc0 >/dev/hvc0 2>&1
done
