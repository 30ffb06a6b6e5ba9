# Packages of Debian.
{ lib, ... }:

let inherit (lib) mkOption types; in
{
  options.debian = {
    packages = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "ipmitool" "nvme-cli" ]'';
      description = "Packages of Debian that the system has, with what they depend on.";
    };
    provided = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Packages that others depend on and the system does without, or has in its own way.";
    };
    components = mkOption {
      type = types.listOf types.nonEmptyStr;
      description = "Components of Debian that packages may be of.";
    };
    zfsTools = mkOption {
      type = types.listOf types.nonEmptyStr;
      internal = true;
      description = "Packages with which the ZFS modules are compiled.";
    };
    leftOut = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = lib.literalExpression ''[ "usr/share/vim" ]'';
      description = "Paths of the packages that are not taken over; patterns of the shell.";
    };
  };

  config.debian = {
    components = [ "main" "contrib" ];
    packages = [
      # An empty system has nothing: what Debian calls essential has to be asked for too.
      "base-files" "base-passwd" "bash" "bsdutils" "coreutils" "dash" "debianutils" "diffutils"
      "findutils" "grep" "gzip" "hostname" "libc-bin" "login" "mawk" "mount" "ncurses-base"
      "ncurses-bin" "passwd" "perl-base" "sed" "tar" "util-linux"
      # Programs of the boot.
      "busybox-static" "kmod" "runit"
      # At night.
      "acl" "attr" "bash-completion" "ca-certificates" "curl" "ethtool" "fdisk" "gdisk" "htop"
      "iproute2" "iputils-ping" "jq" "less" "lsof" "pciutils" "procps" "psmisc" "rsync"
      "smartmontools" "strace" "tcpdump" "tmux" "vim-tiny" "wget" "xz-utils" "zstd"
      # Images of containers.
      "btrfs-progs" "e2fsprogs"
    ];
    provided = [
      "dbus" "dbus-session-bus" "default-dbus-session-bus" "initramfs-tools" "linux-initramfs-tool"
      "python3" "systemd" "systemd-sysusers" "systemd-tmpfiles"
    ];
    leftOut = [
      "etc/init.d" "etc/rc?.d" "etc/runit/*" "etc/service" "etc/sv" "etc/systemd" "etc/apt"
      "etc/dpkg" "var/lib/dpkg" "var/cache/*" "etc/sudoers.d" "usr/share/runit"
      "usr/lib/systemd/system" "usr/lib/systemd/user"
    ];
  };
}
