# For tests of ZFS at boot: a redundant pool, with users and groups of osctl.
{ ... }:

{
  imports = [ ./test.nix ];
  runit.services.zfs-zed.enable = true;
  boot.zfs.pools.tank = {
    layout = [
      { type = "mirror"; devices = [ "/dev/disk/by-id/virtio-tank1" "/dev/disk/by-id/virtio-tank2" ]; }
    ];
    doCreate = true;
    install = true;
    importAttempts = 10;
  };
  services.sshd.hostKeyFolder = "/tank/ssh";
  osctl.pools.tank = {
    parallelStart = 3;
    users.alice = { };
    users.bob = { uidMap = [ "0:2000000:65536" ]; gidMap = [ "0:2000000:65536" ]; };
    groups."/customers/web" = { };
    groups."/own" = { };
  };
}
