# Logins over the network.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.services.sshd;
  # `tank` of /tank/ssh.
  top = lib.head (lib.splitString "/" (lib.removePrefix "/" cfg.hostKeyFolder));
  pool = lib.optional (config.boot.zfs.pools ? ${top}) "pool-${top}";
in
{
  options.services.sshd = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether sshd(8) runs.";
    };
    port = mkOption {
      type = types.port;
      default = 22;
      description = "Port it listens on.";
    };
    passwordAuthentication = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a password is enough.";
    };
    hostKeyFolder = mkOption {
      type = types.str;
      default = "/etc/ssh";
      example = "/tank/ssh";
      description = ''
        Where the key of this host is; made if missing. The root file system forgets at each boot: on a
        pool it stays. If the folder is not there 60 s after the network, sshd runs with another key.
      '';
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Further lines of sshd_config(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    debian.packages = [ "openssh-server" "openssh-client" ];
    environment.folders."/run/sshd" = { };
    environment.etc."ssh/sshd_config".text = ''
      Port ${toString cfg.port}
      PasswordAuthentication ${if cfg.passwordAuthentication then "yes" else "no"}
      KbdInteractiveAuthentication no
      PermitRootLogin ${if cfg.passwordAuthentication then "yes" else "prohibit-password"}
      AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u .ssh/authorized_keys
      UsePAM yes
      PrintMotd no
      Subsystem sftp internal-sftp
      ${cfg.extraConfig}'';
    environment.files."/usr/lib/vpsadminos/sshd".source = ../stage/sshd;
    environment.etc."pam.d/sshd".text = "@include login\n";
    runit.services.sshd = {
      requires = [ "networking" ];
      run = ''
        . /usr/lib/vpsadminos/sshd
        host_key ${lib.escapeShellArgs ([ cfg.hostKeyFolder ] ++ pool)}
        exec /usr/sbin/sshd -D -e -h "$key"
      '';
      runlevels = [ "default" "rescue" ];
      # Sessions outlive a restart of the daemon.
      killMode = "process";
    };
  };
}
