# Debian packages.
{ lib, ... }:

let inherit (lib) mkOption types; in
{
  options.debian = {
    packages = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "ipmitool" "nvme-cli" ]'';
      description = "Debian packages to install, together with their dependencies.";
    };
    provided = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Packages not to install although others depend on them, because the system does not need them or replaces them.";
    };
    components = mkOption {
      type = types.listOf types.nonEmptyStr;
      description = "Components of the Debian archive to use.";
    };
    zfsTools = mkOption {
      type = types.listOf types.nonEmptyStr;
      internal = true;
      description = "Packages needed to compile the ZFS modules.";
    };
    leftOut = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = lib.literalExpression ''[ "usr/share/vim" ]'';
      description = "Paths to leave out when packages are unpacked, as shell patterns.";
    };
  };

  config.debian = {
    components = [ "main" "contrib" ];
    packages = [
      # The system starts empty, so Debian's essential packages have to be listed, too.
      "base-files" "base-passwd" "bash" "bsdutils" "coreutils" "dash" "debianutils" "diffutils"
      "findutils" "grep" "gzip" "hostname" "libc-bin" "login" "mawk" "mount" "ncurses-base"
      "ncurses-bin" "passwd" "perl-base" "sed" "tar" "util-linux"
      # Programs that the boot needs.
      "busybox-static" "kmod" "runit"
      # Tools for debugging.
      "acl" "attr" "bash-completion" "ca-certificates" "curl" "ethtool" "fdisk" "gdisk" "htop"
      "iproute2" "iputils-ping" "jq" "less" "lsof" "pciutils" "procps" "psmisc" "rsync"
      "smartmontools" "strace" "tcpdump" "tmux" "vim-tiny" "wget" "xz-utils" "zstd"
      # Tools for container images.
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
