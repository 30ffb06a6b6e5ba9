# The container daemon and its dependencies.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.osctld;
in
{
  options.osctld = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to run osctld.";
    };
    extraFlags = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Further command-line options of osctld.";
    };
  };
  options.services.lxcfs.enable = mkOption {
    type = types.bool;
    default = true;
    description = "Whether to run lxcfs(1), which shows containers their own memory, processors and uptime.";
  };

  config = lib.mkMerge [
    (lib.mkIf cfg.enable {
      debian.packages = [ "lxc" ];
      environment.directories = {
        "/run/osctl" = { mode = "0711"; };
        "/var/lib/osctl" = { mode = "0711"; };
      };
      runit.services.osctld = {
        run = ''
          exec osctld --log-format human ${lib.escapeShellArgs cfg.extraFlags}
        '';
        check = "osctl ping";
        # Containers keep running when the daemon stops.
        killMode = "process";
        onChange = "restart";
      };
    })
    (lib.mkIf config.services.lxcfs.enable {
      debian.packages = [ "lxcfs" ];
      environment.directories."/var/lib/lxcfs" = { };
      runit.services.lxcfs = {
        run = ''
          ! mountpoint -q /var/lib/lxcfs || umount -l /var/lib/lxcfs
          exec lxcfs --enable-cfs --enable-loadavg /var/lib/lxcfs
        '';
        check = "mountpoint -q /var/lib/lxcfs";
        killMode = "process";
        onChange = "ignore";
      };
    })
  ];
}
