# Who asks for a login, and where.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.tty;
  getty = line: {
    # agetty opens the line itself and makes it the terminal of a session of its own.
    run = ''
      [ -c /dev/${line} ]${lib.optionalString (lib.hasPrefix "ttyS" line)
        " && [ \"$(cat /sys/class/tty/${line}/type)\" != 0 ]"} ||
        stand_down "this machine has no line ${line}: no login there"
      exec setsid agetty ${lib.optionalString (cfg.autologin.user != null)
        "--autologin ${cfg.autologin.user} "}${lib.optionalString (lib.hasPrefix "ttyS" line)
        "--keep-baud 115200,38400,9600 "}--noclear ${line} ${
        if lib.hasPrefix "ttyS" line then "vt220" else "linux"}
    '';
    # Shells do not end by TERM; that the line is gone they understand.
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
      description = "How many logins there are on the screen, from tty1 on.";
    };
    spawnSerial = mkOption {
      type = types.ints.unsigned;
      default = 1;
      description = "How many on serial lines, from ttyS0 on.";
    };
    autologin.user = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      example = "root";
      description = "Who is logged in without being asked, for tests and trials only.";
    };
  };

  config = {
    runit.services = lib.listToAttrs (map
      (line: lib.nameValuePair "getty-${line}" (getty line))
      (map (n: "tty${toString n}") (lib.range 1 cfg.spawnStandard)
        ++ map (n: "ttyS${toString (n - 1)}") (lib.range 1 cfg.spawnSerial)));

    # A serial line has no size, and long lines would be drawn over themselves. The terminal at its other end
    # is asked: where is the cursor when it is as far as it goes (ECMA-48 CUP and DSR)? While a machine boots
    # the answer may take seconds.
    environment.etc."profile.d/serial-size.sh".text = ''
      if [ -n "$BASH_VERSION" ] && [ "$(stty size 2>/dev/null)" = "0 0" ]; then
          IFS='[;' read -rs -t 5 -d R -p $'\e7\e[r\e[999;999H\e[6n\e8' _ rows columns
          stty rows "''${rows:-24}" columns "''${columns:-80}"
          unset rows columns
      fi
    '';
  };
}
