# Remote logins.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.services.sshd;
  # The first component, `tank` in /tank/ssh.
  top = lib.head (lib.splitString "/" (lib.removePrefix "/" cfg.hostKeyFolder));
  pool = lib.optional (config.boot.zfs.pools ? ${top}) "pool-${top}";
in
{
  options.services.sshd = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to run sshd(8).";
    };
    port = mkOption {
      type = types.port;
      default = 22;
      description = "Port to listen on.";
    };
    passwordAuthentication = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to accept passwords.";
    };
    hostKeyFolder = mkOption {
      type = types.str;
      default = "/etc/ssh";
      example = "/tank/ssh";
      description = ''
        Directory of the host key, which is generated if it is missing. The root file system is reset at each boot, so
        use a directory on a pool. If it does not exist 60 s after the network is up, sshd uses a temporary key.
      '';
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Additional lines of sshd_config(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    debian.packages = [ "openssh-server" "openssh-client" ];
    environment.directories."/run/sshd" = { };
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
      # Sessions survive a restart of the daemon.
      killMode = "process";
    };
  };
}
