# What the machine tests boot: the packages of `make vm`, so that both have one root.squashfs, and a shell
# for the driver.
{ lib, ... }:

{
  networking.hostName = "test";
  boot.kernelFlavour = "cloud-amd64";
  # No machines within the machines: their drivers cost seconds where KVM does not work.
  boot.kernelParams = [ "console=ttyS0" "modprobe.blacklist=kvm_amd,kvm_intel" ];
  # It would load the driver of ZFS, ten seconds under TCG, for no pool.
  runit.services.zfs-zed.enable = lib.mkDefault false;
  tty.spawnStandard = 0;
  tty.autologin.user = "root";
  runit.halt.hooks.tell.text = ''
    #!/bin/sh
    exec >/dev/console
    echo "hook: $HALT_HOOK $HALT_ACTION $HALT_REASON"
    grep 'poweroff: poweroff:' /var/log/messages
  '';
  testing.shell = true;
}
