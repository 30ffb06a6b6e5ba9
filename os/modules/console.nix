# Logins on consoles.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.tty;
  getty = line: {
    # agetty opens the line itself and makes it the controlling terminal of a new session.
    run = ''
      [ -c /dev/${line} ]${lib.optionalString (lib.hasPrefix "ttyS" line)
        " && [ \"$(cat /sys/class/tty/${line}/type)\" != 0 ]"} ||
        stand_down "this machine has no line ${line}: no login there"
      exec setsid agetty ${lib.optionalString (cfg.autologin.user != null)
        "--autologin ${cfg.autologin.user} "}${lib.optionalString (lib.hasPrefix "ttyS" line)
        "--keep-baud 115200,38400,9600 "}--noclear ${line} ${
        if lib.hasPrefix "ttyS" line then "vt220" else "linux"}
    '';
    # Interactive shells ignore TERM and exit on HUP.
    stop = "xargs -r kill -HUP </run/runit/cgroup.service/getty-${line}/cgroup.procs 2>/dev/null\n";
    runlevels = [ "default" "rescue" "single" ];
    log.enable = false;
    onChange = "ignore";
  };
in
{
  options.tty = {
    spawnStandard = mkOption {
      type = types.ints.unsigned;
      default = 4;
      description = "Number of logins on the screen, from tty1 on.";
    };
    spawnSerial = mkOption {
      type = types.ints.unsigned;
      default = 1;
      description = "Number of logins on serial lines, from ttyS0 on.";
    };
    autologin.user = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      example = "root";
      description = "User to log in without a password, for tests and experiments only.";
    };
  };

  config = {
    runit.services = lib.listToAttrs (map
      (line: lib.nameValuePair "getty-${line}" (getty line))
      (map (n: "tty${toString n}") (lib.range 1 cfg.spawnStandard)
        ++ map (n: "ttyS${toString (n - 1)}") (lib.range 1 cfg.spawnSerial)));

    # A serial line has no size, so readline would wrap long lines incorrectly. Move the cursor of the terminal
    # as far as possible and query its position (ECMA-48 CUP and DSR). During the boot the response may take
    # seconds.
    environment.etc."profile.d/serial-size.sh".text = ''
      if [ -n "$BASH_VERSION" ] && [ "$(stty size 2>/dev/null)" = "0 0" ]; then
          IFS='[;' read -rs -t 5 -d R -p $'\e7\e[r\e[999;999H\e[6n\e8' _ rows columns
          stty rows "''${rows:-24}" columns "''${columns:-80}"
          unset rows columns
      fi
    '';
  };
}
