# The machine of `make vm`: a pool on the first empty disk, an image of Debian for containers, a root shell
# on the serial line.
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
  # What os/repository makes, where osctld looks for images.
  fileSystems."/var/lib/osctl/repository" = {
    device = "/dev/disk/by-id/virtio-repository";
    fsType = "squashfs";
    options = [ "ro" "nosuid" "nodev" "nofail" ];
  };
  environment.etc.motd.text = ''

    A container of Debian:

      osctl ct new --distribution debian ct1 && osctl ct start ct1
      osctl ct attach ct1

    The pool "tank" is kept from run to run; everything else is as it was built. Off: poweroff

  '';
  tty.spawnStandard = 0;
  tty.autologin.user = "root";
}
