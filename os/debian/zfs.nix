# The modules of OpenZFS for one kernel: `$out/<kernel>/extra/{spl,zfs}.ko`.
#
# `tools` is a Debian tree with gcc, make, linux-headers of that kernel and the source that zfs-dkms has.
# The result depends on nothing else, so it is built once for a kernel and a version of ZFS.
{ build, tools }:

build.script "zfs-modules" ./zfs.sh { inherit tools; }
