# The system of the machine tests: the packages of `make vm`, so that both share one root.squashfs, and a shell
# for the test driver.
{ lib, ... }:

{
  networking.hostName = "test";
  boot.kernelFlavour = "cloud-amd64";
  # No nested virtual machines: loading the KVM modules takes seconds under emulation.
  boot.kernelParams = [ "console=ttyS0" "modprobe.blacklist=kvm_amd,kvm_intel" ];
  # It would load the ZFS module, which takes ten seconds under TCG, without a pool to use.
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
