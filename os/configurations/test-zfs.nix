# For tests of ZFS at boot: a pool that can lose a disk.
{ ... }:

{
  imports = [ ./test.nix ];
  runit.services.zfs-zed.enable = true;
  boot.zfs.pools.tank = {
    layout = [
      { type = "mirror"; devices = [ "/dev/disk/by-id/virtio-tank1" "/dev/disk/by-id/virtio-tank2" ]; }
    ];
    doCreate = true;
    importAttempts = 10;
  };
}
