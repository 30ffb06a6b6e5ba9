# Messages of programs that use syslog(3), and of the kernel.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.services.rsyslogd;
in
{
  options.services.rsyslogd = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether rsyslogd(8) runs.";
    };
    forward = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "@@logs.example.org:514" ]'';
      description = "Where messages are sent too: `@HOST` over UDP, `@@HOST` over TCP.";
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Further lines of rsyslog.conf(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    debian.packages = [ "rsyslog" ];
    environment.etc."rsyslog.conf".text = ''
      module(load="imuxsock")
      module(load="imklog")
      # The root file system is in memory: 8 MB, then the file is begun anew.
      $outchannel messages,/var/log/messages,8000000,/usr/lib/vpsadminos/begin-anew /var/log/messages
      *.info :omfile:$messages
      ${lib.concatMapStrings (target: "*.* ${target}\n") cfg.forward}${cfg.extraConfig}'';
    environment.files."/usr/lib/vpsadminos/begin-anew" = {
      text = "#!/bin/sh\nmv -f \"$1\" \"$1.old\"\n";
      mode = "0755";
    };
    runit.services.rsyslog = {
      run = "exec rsyslogd -n -i NONE";
      check = "[ -S /dev/log ]";
      runlevels = [ "default" "rescue" ];
    };
  };
}
