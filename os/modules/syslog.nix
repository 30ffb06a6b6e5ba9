# Log messages of programs that use syslog(3), and of the kernel.
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
      description = "Whether to run rsyslogd(8).";
    };
    forward = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "@@logs.example.org:514" ]'';
      description = "Hosts to forward messages to: `@HOST` over UDP, `@@HOST` over TCP.";
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Additional lines of rsyslog.conf(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    debian.packages = [ "rsyslog" ];
    environment.etc."rsyslog.conf".text = ''
      module(load="imuxsock")
      module(load="imklog")
      # The root file system is in memory, so the file is rotated at 8 MB.
      $outchannel messages,/var/log/messages,8000000,/usr/lib/vpsadminos/rotate-messages /var/log/messages
      *.info :omfile:$messages
      ${lib.concatMapStrings (target: "*.* ${target}\n") cfg.forward}${cfg.extraConfig}'';
    environment.files."/usr/lib/vpsadminos/rotate-messages" = {
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
