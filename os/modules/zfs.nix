# Pools of ZFS.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;

  vdev = types.submodule {
    options = {
      type = mkOption {
        type = types.enum [ "stripe" "mirror" "raidz" "raidz1" "raidz2" "raidz3" ];
        default = "stripe";
        description = "How its devices are combined.";
      };
      devices = mkOption {
        type = types.nonEmptyListOf types.nonEmptyStr;
        description = "Devices, best by `/dev/disk/by-id/`.";
      };
    };
  };

  pool = { name, ... }: {
    options = {
      layout = mkOption {
        type = types.listOf vdev;
        default = [ ];
        description = ''
          Its vdevs, for `doCreate` and for the command `do-create-pool-<name>`; a pool that is there knows them
          itself.
        '';
      };
      log = mkOption {
        type = types.listOf (types.submodule {
          options = {
            mirror = mkOption {
              type = types.bool;
              default = false;
              description = "Whether its devices have the same on them.";
            };
            devices = mkOption {
              type = types.nonEmptyListOf types.nonEmptyStr;
              description = "Devices.";
            };
          };
        });
        default = [ ];
        example = lib.literalExpression ''[ { mirror = true; devices = [ "nvme0n1p1" "nvme1n1p1" ]; } ]'';
        description = "Devices for the intent log, as `layout`.";
      };
      cache = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        description = "Devices for the second level of the read cache, as `layout`.";
      };
      spare = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        description = "Devices that replace one that fails, as `layout`.";
      };
      doCreate = mkOption {
        type = types.bool;
        default = false;
        description = "Whether it is created if it cannot be imported and its devices are empty.";
      };
      install = mkOption {
        type = types.bool;
        default = false;
        description = "Whether it is a pool of osctl: imported at boot, with what is on it, and made one if it is none yet.";
      };
      guid = mkOption {
        type = types.nullOr (types.strMatching "[0-9]+");
        default = null;
        description = "Its number, if two pools have the same name.";
      };
      importAttempts = mkOption {
        type = types.ints.between 3 3600;
        default = 60;
        description = "How many seconds its devices may take to appear.";
      };
      properties = mkOption {
        type = types.attrsOf types.nonEmptyStr;
        default = { };
        example = lib.literalExpression ''{ autotrim = "on"; }'';
        description = "Properties of the pool, set at each boot; see zpoolprops(7).";
      };
      datasets = mkOption {
        type = types.attrsOf (types.submodule {
          options = {
            type = mkOption {
              type = types.enum [ "filesystem" "volume" ];
              default = "filesystem";
              description = "What it is; a volume needs the property `volsize`.";
            };
            properties = mkOption {
              type = types.attrsOf types.nonEmptyStr;
              default = { };
              description = "Its properties, set at each boot; `inherit` takes one away.";
            };
          };
        });
        default = { };
        example = lib.literalExpression ''{ "/".properties.compression = "lz4"; "backup" = { }; }'';
        description = "Datasets that are made and configured at each boot, by their path below the pool. None is ever destroyed.";
      };
      scrub = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether it is scrubbed.";
        };
        startIntervals = mkOption {
          type = types.listOf types.nonEmptyStr;
          default = [ "0 4 */14 * *" ];
          description = "When, in the words of crontab(5).";
        };
      };
    };
  };

  cfg = config.boot.zfs;
  quote = lib.escapeShellArg;
  vdevs = p:
    let
      # A stripe after a mirror would be taken for another device of it.
      words = vdevs:
        lib.concatMap (v: v.devices) (lib.filter (v: v.type == "stripe") vdevs)
        ++ lib.concatMap (v: [ v.type ] ++ v.devices) (lib.filter (v: v.type != "stripe") vdevs);
      class = name: words: lib.optionals (words != [ ]) ([ name ] ++ words);
      log = map (l: { type = if l.mirror then "mirror" else "stripe"; inherit (l) devices; }) p.log;
    in
    lib.escapeShellArgs (words p.layout ++ class "log" (words log) ++ class "cache" p.cache ++ class "spare" p.spare);
  devices = p: lib.escapeShellArgs (lib.concatMap (v: v.devices) (p.layout ++ p.log) ++ p.cache ++ p.spare);
  dataset = name: path: if path == "/" then name else "${name}/${path}";

  creator = name: p: lib.nameValuePair "/usr/sbin/do-create-pool-${name}" {
    text = ''
      #!/bin/bash
      . /usr/lib/vpsadminos/do-create-pool ${name} ${devices p} -- ${vdevs p} -- "$@"
    '';
    mode = "0755";
  };

  service = name: p: lib.nameValuePair "pool-${name}" {
    oneShot = true;
    requires = [ "udev-trigger" ];
    onChange = "ignore";
    run = ''
      . /usr/lib/vpsadminos/zpool
      modprobe zfs
      import_zpool ${name} ${if p.guid == null then name else p.guid} ${toString p.importAttempts} ${
        if p.doCreate then "create ${devices p} -- ${vdevs p}" else "keep"}
    '' + lib.concatStrings (lib.mapAttrsToList
      (key: value: "zpool set ${quote "${key}=${value}"} ${name}\n") p.properties)
    + lib.concatStrings (lib.mapAttrsToList
      (path: d: "configure_dataset ${d.type} ${quote (dataset name path)} ${
        lib.escapeShellArgs (lib.mapAttrsToList (key: value: "${key}=${value}") d.properties)}\n")
      p.datasets) + ''
      zfs mount -a
    '';
  };
in
{
  options.boot.zfs.pools = mkOption {
    type = types.attrsOf (types.submodule pool);
    default = { };
    example = lib.literalExpression ''
      { tank = { layout = [ { type = "mirror"; devices = [ "sda" "sdb" ]; } ]; doCreate = true; install = true; }; }
    '';
    description = "Pools that are imported at boot, by name.";
  };

  config = {
    debian.packages = [ "zfsutils-linux" "zfs-zed" ];
    assertions = lib.mapAttrsToList
      (name: p: {
        assertion = p.doCreate -> p.layout != [ ];
        message = "boot.zfs.pools.${name}: doCreate needs a layout";
      })
      cfg.pools;
    environment.files = {
      "/usr/lib/vpsadminos/zpool".source = ../stage/zpool;
      "/usr/lib/vpsadminos/do-create-pool".source = ../stage/do-create-pool;
    } // lib.mapAttrs' creator (lib.filterAttrs (_: p: p.layout != [ ]) cfg.pools);
    # Names the kernel's host id; zfs.ko reads it when it is loaded.
    environment.etc."modprobe.d/zfs.conf".text = "options zfs zfs_arc_sys_free=268435456\n";
    runit.services = lib.mapAttrs' service cfg.pools // {
      zfs-zed = {
        requires = map (name: "pool-${name}") (lib.attrNames cfg.pools);
        requiresTimeout = 3600;
        run = "modprobe zfs; exec zed -F";
      };
    };
    services.cron.systemCronJobs = lib.concatLists (lib.mapAttrsToList
      (name: p: map (when: "${when} root zpool scrub ${name}") (lib.optionals p.scrub.enable p.scrub.startIntervals))
      cfg.pools);
  };
}
