# For the machine tests only: a shell of root on a line of its own.
{ config, lib, ... }:

{
  options.testing.shell = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = "Whether a shell of root reads commands from `/dev/hvc0` without asking who is there.";
  };

  config = lib.mkIf config.testing.shell {
    runit.services.test-shell = {
      # The driver ends each command with a line that tells its status.
      run = ''
        cd /root
        [ -e /dev/hvc0 ] || modprobe virtio_console
        wait_until 30 "there is no /dev/hvc0" test -e /dev/hvc0
        export HOME=/root TERM=dumb PS1= PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        # Opened once: with the last close the line forgets that it is raw, and loses what was sent to it.
        exec </dev/hvc0 >/dev/hvc0 2>&1
        stty raw -echo
        exec setsid bash --noediting --norc --noprofile
      '';
      stop = "xargs -r kill -HUP </run/runit/cgroup.service/test-shell/cgroup.procs 2>/dev/null\n";
      runlevels = [ "default" "rescue" "single" ];
      log.enable = false;
    };
  };
}
