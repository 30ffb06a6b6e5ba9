# The machine of `make vm`: a pool on the first empty disk, an image of Debian for containers, a root shell
# on the serial line.
{ lib, ... }:

{
  networking.hostName = "vm";
  boot.kernelFlavour = "cloud-amd64";
  # The kernel prints only errors on the console with the prompt; dmesg has all messages. No nested virtual
  # machines: loading the KVM modules takes seconds under emulation.
  boot.kernelParams = [ "console=ttyS0" "loglevel=4" "modprobe.blacklist=kvm_amd,kvm_intel" ];
  boot.zfs.pools.tank = {
    layout = [ { devices = [ "/dev/disk/by-id/virtio-tank" ]; } ];
    doCreate = true;
    install = true;
  };
  # The disk of os/repository, at the path of osctld's repository.
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
  # The login appears before the ZFS module is loaded and osctld is ready.
  environment.etc."profile.d/tank.sh".text = ''
    if [ ! -e /run/service/osctl-pool-tank/done ] && [ -t 1 ]; then
      echo "Waiting for pool tank (Ctrl-C ends that; its log: /var/log/osctl-pool-tank/current) ..."
      timeout --foreground 120 sh -c 'until [ -e /run/service/osctl-pool-tank/done ]; do sleep 0.2; done' || true
    fi
  '';
  # A machine of `make vm RESUME=1` begins with the time at which it was saved.
  environment.etc."profile.d/clock.sh".text = ''
    follow_clock() {
      local now
      read -r now </sys/class/rtc/rtc0/since_epoch && [ $((now - EPOCHSECONDS)) -gt 2 ] || return 0
      date -s "@$now" >/dev/null
    }
    PROMPT_COMMAND=follow_clock
  '';
  tty.spawnStandard = 0;
  tty.autologin.user = "root";
}
