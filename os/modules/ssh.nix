# Logins over the network.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.services.sshd;
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
      example = "/tank/conf/ssh";
      description = ''
        Where the keys of this host are; made if missing. The root file system forgets at each boot: on a
        pool they stay.
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
      HostKey ${cfg.hostKeyFolder}/ssh_host_ed25519_key
      PasswordAuthentication ${if cfg.passwordAuthentication then "yes" else "no"}
      KbdInteractiveAuthentication no
      PermitRootLogin ${if cfg.passwordAuthentication then "yes" else "prohibit-password"}
      AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u .ssh/authorized_keys
      UsePAM yes
      PrintMotd no
      Subsystem sftp internal-sftp
      ${cfg.extraConfig}'';
    environment.etc."pam.d/sshd".text = "@include login\n";
    runit.services.sshd = {
      requires = [ "networking" ];
      run = ''
        key=${cfg.hostKeyFolder}/ssh_host_ed25519_key
        [ -s "$key" ] || ssh-keygen -q -t ed25519 -N "" -f "$key"
        exec /usr/sbin/sshd -D -e
      '';
      runlevels = [ "default" "rescue" ];
      # Sessions outlive a restart of the daemon.
      killMode = "process";
    };
  };
}
