# Scheduled commands.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.services.cron;
in
{
  options.services.cron = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to run cron(8).";
    };
    systemCronJobs = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "0 4 * * *  root  zpool scrub tank" ]'';
      description = "Lines of the system crontab, see crontab(5). Each names a user.";
    };
  };

  config = lib.mkIf cfg.enable {
    debian.packages = [ "cron" ];
    environment.etc.crontab.text = ''
      SHELL=/bin/bash
      PATH=/usr/sbin:/usr/bin:/sbin:/bin
    '' + lib.concatMapStrings (line: line + "\n") cfg.systemCronJobs;
    environment.directories."/var/spool/cron/crontabs" = { mode = "1730"; group = "crontab"; };
    runit.services.cron.run = "exec cron -f";
  };
}
