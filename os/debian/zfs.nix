# The modules of OpenZFS for one kernel: `$out/<kernel>/extra/{spl,zfs}.ko`.
#
# `tools` is a Debian tree with gcc, make, linux-headers of that kernel and the source of zfs-dkms.
# The result depends on nothing else, so it is built once per version of the kernel and of ZFS.
{ build, tools }:

build.script "zfs-modules" ./zfs.sh { inherit tools; }
