# The clock.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking;
in
{
  options.networking = {
    chronyd = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to synchronize the clock with chronyd(8).";
    };
    timeServers = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = map (n: "${toString n}.debian.pool.ntp.org") (lib.range 0 3);
      description = "NTP servers.";
    };
  };
  options.time.timeZone = mkOption {
    type = types.nonEmptyStr;
    default = "UTC";
    example = "Europe/Prague";
    description = "Time zone of the host, a name in /usr/share/zoneinfo.";
  };

  config = lib.mkMerge [
    {
      debian.packages = [ "tzdata" "util-linux-extra" ];
      environment.etc.localtime.link = "/usr/share/zoneinfo/${config.time.timeZone}";
      environment.etc.timezone.text = config.time.timeZone + "\n";
    }
    (lib.mkIf cfg.chronyd {
      debian.packages = [ "chrony" ];
      environment.directories."/var/lib/chrony" = { user = "_chrony"; group = "_chrony"; mode = "0750"; };
      environment.etc."chrony/chrony.conf".text = lib.concatMapStrings (s: "server ${s} iburst\n") cfg.timeServers + ''
        driftfile /var/lib/chrony/chrony.drift
        makestep 1 3
        rtcsync
      '';
      runit.services.chronyd = {
        requires = [ "networking" ];
        run = "exec chronyd -d -u _chrony";
      };
    })
  ];
}
