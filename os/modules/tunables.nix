# Kernel limits that a host with 1000 containers reaches first.
#
# *Source*: reference/peers.md 7 no. 16 (Incus, doc/reference/server_settings.md), and the tunables of
# vpsAdminOS.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  value = v: if builtins.isBool v then (if v then "1" else "0") else toString v;
in
{
  options.boot.sysctl = mkOption {
    type = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.int types.str ]));
    default = { };
    example = lib.literalExpression ''{ "vm.swappiness" = 10; "net.ipv4.tcp_syncookies" = null; }'';
    description = "Parameters in /proc/sys, with the names of sysctl(8); `null` keeps the kernel's value.";
  };

  config = {
    boot.sysctl = lib.mapAttrs (_: lib.mkDefault) {
      # Watches, keys, terminals and neighbours of all containers count together.
      "fs.aio-max-nr" = 1048576;
      "fs.file-max" = 9223372036854775807;
      "fs.inotify.max_queued_events" = 1048576;
      "fs.inotify.max_user_instances" = 1048576;
      "fs.inotify.max_user_watches" = 1048576;
      "fs.nr_open" = 4194304;
      "kernel.dmesg_restrict" = 1;
      "kernel.keys.maxbytes" = 2500000;
      "kernel.keys.maxkeys" = 100000;
      "kernel.pid_max" = 4194304;
      "kernel.pty.max" = 16384;
      "kernel.pty.reserve" = 1024;
      "kernel.threads-max" = 4194304;
      "net.ipv4.ip_forward" = 1;
      "net.ipv6.conf.all.forwarding" = 1;
      "net.ipv4.neigh.default.gc_thresh1" = 2048;
      "net.ipv4.neigh.default.gc_thresh2" = 4096;
      "net.ipv4.neigh.default.gc_thresh3" = 8192;
      "net.ipv6.neigh.default.gc_thresh1" = 2048;
      "net.ipv6.neigh.default.gc_thresh2" = 4096;
      "net.ipv6.neigh.default.gc_thresh3" = 8192;
      "net.core.default_qdisc" = "fq";
      "net.ipv4.tcp_congestion_control" = "bbr";
      "net.netfilter.nf_log_all_netns" = 1;
      "vm.max_map_count" = 262144;
      "vm.swappiness" = 0;
    };
    boot.kernelModules = [ "nf_conntrack" "nf_log_syslog" "sch_fq" "tcp_bbr" ];
    environment.etc."sysctl.d/60-vpsadminos.conf".text = lib.concatStrings (lib.mapAttrsToList
      (name: v: "${name} = ${value v}\n")
      (lib.filterAttrs (_: v: v != null) config.boot.sysctl));
  };
}
