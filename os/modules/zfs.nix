# ZFS pools.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;

  vdev = types.submodule {
    options = {
      type = mkOption {
        type = types.enum [ "stripe" "mirror" "raidz" "raidz1" "raidz2" "raidz3" ];
        default = "stripe";
        description = "How the devices are combined.";
      };
      devices = mkOption {
        type = types.nonEmptyListOf types.nonEmptyStr;
        description = "Devices, preferably by `/dev/disk/by-id/`.";
      };
    };
  };

  pool = { name, ... }: {
    options = {
      layout = mkOption {
        type = types.listOf vdev;
        default = [ ];
        description = ''
          Vdevs of the pool, for `doCreate` and for the command `do-create-pool-<name>`. Ignored for an existing
          pool.
        '';
      };
      log = mkOption {
        type = types.listOf (types.submodule {
          options = {
            mirror = mkOption {
              type = types.bool;
              default = false;
              description = "Whether the devices mirror each other.";
            };
            devices = mkOption {
              type = types.nonEmptyListOf types.nonEmptyStr;
              description = "Devices.";
            };
          };
        });
        default = [ ];
        example = lib.literalExpression ''[ { mirror = true; devices = [ "nvme0n1p1" "nvme1n1p1" ]; } ]'';
        description = "Devices for the intent log; used like `layout`.";
      };
      cache = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        description = "Devices for the second-level read cache (L2ARC); used like `layout`.";
      };
      spare = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        description = "Hot spares; used like `layout`.";
      };
      doCreate = mkOption {
        type = types.bool;
        default = false;
        description = "Whether to create the pool if it cannot be imported and its devices are empty.";
      };
      install = mkOption {
        type = types.bool;
        default = false;
        description = "Whether osctl uses the pool. If so, osctl imports it at boot, and installs itself on the pool first if necessary.";
      };
      guid = mkOption {
        type = types.nullOr (types.strMatching "[0-9]+");
        default = null;
        description = "GUID of the pool, if several pools have the same name.";
      };
      importAttempts = mkOption {
        type = types.ints.between 3 3600;
        default = 60;
        description = "Timeout for its devices to appear, in seconds.";
      };
      properties = mkOption {
        type = types.attrsOf types.nonEmptyStr;
        default = { };
        example = lib.literalExpression ''{ autotrim = "on"; }'';
        description = "Properties of the pool, see zpoolprops(7); set at each boot.";
      };
      datasets = mkOption {
        type = types.attrsOf (types.submodule {
          options = {
            type = mkOption {
              type = types.enum [ "filesystem" "volume" ];
              default = "filesystem";
              description = "Type of the dataset; a volume needs the property `volsize`.";
            };
            properties = mkOption {
              type = types.attrsOf types.nonEmptyStr;
              default = { };
              description = "Properties, set at each boot; the value `inherit` removes one.";
            };
          };
        });
        default = { };
        example = lib.literalExpression ''{ "/".properties.compression = "lz4"; "backup" = { }; }'';
        description = "Datasets to create and configure at each boot, by path below the pool. Datasets are never destroyed.";
      };
      scrub = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether to scrub the pool regularly.";
        };
        startIntervals = mkOption {
          type = types.listOf types.nonEmptyStr;
          default = [ "0 4 */14 * *" ];
          description = "Times of scrubs, in the syntax of crontab(5).";
        };
      };
    };
  };

  cfg = config.boot.zfs;
  quote = lib.escapeShellArg;
  vdevs = p:
    let
      # A stripe after a mirror would be parsed as another device of the mirror.
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
    description = "Pools to import at boot, by name.";
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
