# The machine of `make vm`: a pool on the first empty disk, a root shell on the serial line.
{ lib, ... }:

{
  networking.hostName = "vm";
  boot.kernelFlavour = "cloud-amd64";
  boot.kernelParams = [ "console=ttyS0" ];
  boot.zfs.pools.tank = {
    layout = [ { devices = [ "/dev/disk/by-id/virtio-tank" ]; } ];
    doCreate = true;
    install = true;
  };
  tty.spawnStandard = 0;
  tty.autologin.user = "root";
}
