# Accounts of the host, and PAM.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;

  user = { name, ... }: {
    options = {
      uid = mkOption {
        type = types.ints.between 0 65535;
        description = "User id.";
      };
      group = mkOption {
        type = types.nonEmptyStr;
        description = "Name of the primary group.";
      };
      extraGroups = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        description = "Names of supplementary groups.";
      };
      description = mkOption {
        type = types.strMatching "[^:\n]*";
        default = "";
        description = "Full name or purpose (GECOS).";
      };
      home = mkOption {
        type = types.strMatching "/[^:\n]*";
        default = "/nonexistent";
        description = "Home directory.";
      };
      shell = mkOption {
        type = types.strMatching "/[^:\n]*";
        default = "/usr/sbin/nologin";
        description = "Login shell.";
      };
      hashedPassword = mkOption {
        type = types.strMatching "[^:\n]*";
        default = "*";
        example = "$y$j9T$...";
        description = "Password hash, from `mkpasswd` or `openssl passwd -6`; `*` disables logins by password.";
      };
      openssh.authorizedKeys.keys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [ ];
        description = "SSH public keys that may log in.";
      };
    };
  };

  cfg = config.users;
  accounts = lib.sort (a: b: a.uid < b.uid) (lib.mapAttrsToList (name: u: u // { inherit name; }) cfg.users);
  groups = lib.sort (a: b: a.gid < b.gid) (lib.mapAttrsToList (name: g: g // { inherit name; }) cfg.groups);
  members = group: lib.concatStringsSep "," (map (u: u.name) (lib.filter (u: lib.elem group u.extraGroups) accounts));
  lines = f: list: lib.concatMapStrings (x: f x + "\n") list;

  # Accounts that Debian's packages expect from base-passwd; their ids are fixed. *Source*: base-passwd.
  daemons = {
    daemon = 1; bin = 2; sys = 3; man = 6; lp = 7; mail = 8; news = 9; uucp = 10; proxy = 13;
    www-data = 33; backup = 34; list = 38; irc = 39;
  };
  baseGroups = daemons // {
    root = 0; adm = 4; tty = 5; disk = 6; lp = 7; mail = 8; man = 12; kmem = 15; dialout = 20; fax = 21; voice = 22;
    cdrom = 24; floppy = 25; tape = 26; sudo = 27; audio = 29; dip = 30; operator = 37; src = 40;
    shadow = 42; utmp = 43; video = 44; sasl = 45; plugdev = 46; staff = 50; games = 60; users = 100;
    nogroup = 65534;
    # Accounts whose ids Debian's maintainer scripts would allocate.
    crontab = 990; input = 991; kvm = 992; render = 993; sgx = 994; netdev = 995; _ssh = 996;
  };
  system = uid: { inherit uid; group = "nogroup"; };
in
{
  options.users = {
    users = mkOption {
      type = types.attrsOf (types.submodule user);
      default = { };
      description = "Accounts, by name.";
    };
    groups = mkOption {
      type = types.attrsOf (types.submodule {
        options.gid = mkOption {
          type = types.ints.between 0 65535;
          description = "Group id.";
        };
      });
      default = { };
      description = "Groups, by name.";
    };
  };

  config = {
    assertions = map
      (u: {
        assertion = cfg.groups ? ${u.group};
        message = "users.users.${u.name}.group: there is no group ${u.group}; declare users.groups.${u.group}";
      })
      accounts ++ lib.mapAttrsToList
      (uid: same: {
        assertion = lib.length same == 1;
        message = "users.users: ${lib.concatMapStringsSep " and " (u: u.name) same} have the same uid ${uid}";
      })
      (lib.groupBy (u: toString u.uid) accounts);

    debian.packages = [ "libpam-modules" "libpam-runtime" "uidmap" ];
    users.users = lib.mapAttrs (name: uid: { inherit uid; group = name; }) daemons // {
      root = {
        uid = 0;
        group = "root";
        home = "/root";
        shell = "/bin/bash";
        hashedPassword = lib.mkDefault "*";
      };
      nobody = system 65534;
      sshd = system 980;
      _chrony = { uid = 981; group = "_chrony"; };
      _runit-log = { uid = 982; group = "_runit-log"; };
    };
    users.groups = lib.mapAttrs (_: gid: { inherit gid; }) (baseGroups // { _chrony = 981; _runit-log = 982; });

    environment.etc = {
      passwd.text = lines (u: "${u.name}:x:${toString u.uid}:${toString cfg.groups.${u.group}.gid}:${u.description}:${u.home}:${u.shell}") accounts;
      group.text = lines (g: "${g.name}:x:${toString g.gid}:${members g.name}") groups;
      shadow = {
        text = lines (u: "${u.name}:${u.hashedPassword}:1::::::") accounts;
        mode = "0640";
        group = 42;
      };
      gshadow = { text = lines (g: "${g.name}:*::${members g.name}") groups; mode = "0640"; group = 42; };
      subuid.text = "";
      subgid.text = "";
      "nsswitch.conf".text = ''
        passwd: files
        group: files
        shadow: files
        hosts: files dns
        networks: files
        protocols: files
        services: files
      '';
      # One stack for all services. On Debian, pam-auth-update generates these files.
      "pam.d/common-auth".text = "auth required pam_unix.so nullok\n";
      "pam.d/common-account".text = "account required pam_unix.so\n";
      "pam.d/common-password".text = "password required pam_unix.so yescrypt\n";
      "pam.d/common-session".text = "session required pam_unix.so\n";
      "pam.d/common-session-noninteractive".text = "session required pam_unix.so\n";
      "pam.d/login".text = ''
        auth optional pam_faildelay.so delay=3000000
        @include common-auth
        account required pam_nologin.so
        @include common-account
        @include common-password
        session required pam_env.so
        session required pam_limits.so
        session optional pam_motd.so noupdate
        @include common-session
      '';
      "profile".text = ''
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        export PATH EDITOR="''${EDITOR:-vi}"
        if [ -n "$BASH_VERSION" ] && [ -r /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi
        for script in /etc/profile.d/*.sh; do [ ! -r "$script" ] || . "$script"; done
      '';
    } // lib.mapAttrs'
      (name: u: lib.nameValuePair "ssh/authorized_keys.d/${name}" {
        text = lines (key: key) u.openssh.authorizedKeys.keys;
      })
      (lib.filterAttrs (_: u: u.openssh.authorizedKeys.keys != [ ]) cfg.users);

    # Links of Debian's alternatives, which maintainer scripts would create.
    environment.files = lib.mapAttrs (_: link: { inherit link; }) {
      "/usr/bin/awk" = "mawk";
      "/usr/bin/editor" = "vim.tiny";
      "/usr/bin/pager" = "less";
      "/usr/bin/vi" = "vim.tiny";
      "/usr/bin/vim" = "vim.tiny";
      "/usr/sbin/iptables" = "iptables-nft";
      "/usr/sbin/ip6tables" = "ip6tables-nft";
      "/usr/sbin/iptables-restore" = "iptables-nft-restore";
      "/usr/sbin/iptables-save" = "iptables-nft-save";
    } // {
      "/usr/bin/sh".link = "dash";
    };
    environment.activation.ca-certificates = ''
      # The file that update-ca-certificates would generate: all certificates.
      mkdir -p /etc/ssl/certs
      cat /usr/share/ca-certificates/mozilla/*.crt >/etc/ssl/certs/ca-certificates.crt
    '';
  };
}
