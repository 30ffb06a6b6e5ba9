# For machine tests only: a root shell on a separate serial line.
{ config, lib, ... }:

{
  options.testing.shell = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = "Whether a root shell reads commands from `/dev/hvc0` without authentication.";
  };

  config = lib.mkIf config.testing.shell {
    runit.services.test-shell = {
      # After each command the driver prints a line with its status.
      run = ''
        cd /root
        [ -e /dev/hvc0 ] || modprobe virtio_console
        wait_until 30 "there is no /dev/hvc0" test -e /dev/hvc0
        export HOME=/root TERM=dumb PS1= PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        # Keep the line open: the last close resets raw mode and discards pending input.
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
