# Builder of zfs.nix: compiles the source of zfs-dkms in $tools, and installs the modules into $out.
#
# Debian's compiler needs its libraries at their usual paths, so it runs in a chroot. The chroot is an overlay
# over $tools in a separate mount namespace, which disappears with the builder.
layer=$(mktemp -d -p "${NIX_BUILD_TOP:-/tmp}" zfs.XXXXXX)
mkdir -p "$layer"/{upper,work,root} "$out"
export layer
unshare --mount --propagation private bash -euc '
    mount -t overlay overlay -o "lowerdir=$tools,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
    mkdir -p "$layer"/root/{proc,dev,tmp}
    mount -t proc proc "$layer/root/proc"
    mount --bind /dev "$layer/root/dev"
    chroot "$layer/root" /usr/bin/bash -euc '\''
        export PATH=/usr/sbin:/usr/bin HOME=/tmp TMPDIR=/tmp
        # Links that maintainer scripts of Debian would create.
        [ -e /usr/bin/awk ] || ln -s mawk /usr/bin/awk
        headers=$(echo /usr/src/linux-headers-*-amd64)
        cd /usr/src/zfs-*
        ./configure --disable-dependency-tracking --with-config=kernel \
            --with-linux="$(echo /usr/src/linux-headers-*-common)" --with-linux-obj="$headers" >configure.log 2>&1 ||
            { tail -n 30 configure.log config.log; exit 1; }
        make -j"$(nproc)" >make.log 2>&1 || { grep -iE -B5 "error|stop" make.log | tail -n 60; exit 1; }
    '\''
'
headers=$(echo "$tools"/usr/src/linux-headers-*-amd64)
kernel=${headers##*/linux-headers-}
mkdir -p "$out/$kernel/extra"
cp "$layer"/upper/usr/src/zfs-*/module/{spl,zfs}.ko "$out/$kernel/extra/"
strip --strip-debug "$out/$kernel"/extra/*.ko
