# Pools of osctl, with users and groups.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  words = lib.escapeShellArgs;

  idMap = which: mkOption {
    type = types.listOf (types.strMatching "[0-9]+:[0-9]+:[0-9]+");
    default = [ ];
    example = lib.literalExpression ''[ "0:2000000:65536" ]'';
    description = "Entries of the map of ${which} ids: first id inside, first id on the host, count. If empty, a block of the id range is allocated.";
  };
  parallel = what: mkOption {
    type = types.nullOr (types.ints.between 1 1000);
    default = null;
    description = "Maximum number of containers that are ${what} at the same time; `null` keeps the setting of the pool.";
  };

  user.options = {
    uidMap = idMap "user";
    gidMap = idMap "group";
    idRange = {
      name = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        description = "Id range from which to allocate a block when the user is created.";
      };
      blockIndex = mkOption {
        type = types.nullOr types.ints.unsigned;
        default = null;
        description = "Index of the block to allocate when the user is created.";
      };
    };
  };

  pool.options = {
    parallelStart = parallel "started";
    parallelStop = parallel "stopped";
    users = mkOption {
      type = types.attrsOf (types.submodule user);
      default = { };
      example = lib.literalExpression ''{ alice = { }; bob.uidMap = [ "0:2000000:65536" ]; }'';
      description = "Users to create if they are missing. Existing users are never changed or deleted; the service prints a warning if one differs.";
    };
    groups = mkOption {
      type = types.attrsOf (types.submodule { });
      default = { };
      example = lib.literalExpression ''{ "/customers/web" = { }; }'';
      description = "Groups to create if they are missing, with their parents. No group is ever deleted.";
    };
  };

  cfg = config.osctl.pools;
  installed = lib.attrNames (lib.filterAttrs (_: p: p.install) config.boot.zfs.pools);
  option = word: value: lib.optionals (value != null) [ word (toString value) ];
  each = set: f: lib.concatStrings (lib.mapAttrsToList f set);

  declared = name: p:
    lib.optionalString (p.parallelStart != null) "parallel ${name} start ${toString p.parallelStart}\n"
    + lib.optionalString (p.parallelStop != null) "parallel ${name} stop ${toString p.parallelStop}\n"
    + each p.users (user: u: "user ${words ([ "${name}:${user}" (toString u.uidMap) (toString u.gidMap) ]
      ++ option "--id-range" u.idRange.name ++ option "--id-range-block-index" u.idRange.blockIndex)}\n")
    + each p.groups (group: _: "group ${words [ "${name}:${group}" ]}\n");
in
{
  options.osctl.pools = mkOption {
    type = types.attrsOf (types.submodule pool);
    default = { };
    description = "Users, groups and settings of osctl pools, by name of the pool. The pool must be in `boot.zfs.pools` with `install`.";
  };

  config = {
    assertions = map
      (name: {
        assertion = lib.elem name installed;
        message = "osctl.pools.${name}: boot.zfs.pools.${name}.install is not true, so it is not a pool of osctl";
      })
      (lib.attrNames cfg)
    ++ [{
      assertion = installed != [ ] -> config.osctld.enable;
      message = "boot.zfs.pools.${toString (lib.take 1 installed)}.install needs osctld, and osctld.enable is false";
    }]
    ++ lib.concatLists (lib.mapAttrsToList
      (name: p: map
        (group: {
          assertion = lib.hasPrefix "/" group;
          message = "osctl.pools.${name}.groups: ${group} is no group; its name is a path: /${group}";
        })
        (lib.attrNames p.groups))
      cfg);

    environment.files."/usr/lib/vpsadminos/osctl-pool".source = ../stage/osctl-pool;
    runit.services = lib.listToAttrs (map
      (name: lib.nameValuePair "osctl-pool-${name}" {
        oneShot = true;
        # Containers that start automatically with the pool need their bridges.
        requires = [ "pool-${name}" "osctld" "networking" ];
        requiresTimeout = 3600;
        onChange = "ignore";
        run = ''
          . /usr/lib/vpsadminos/osctl-pool
          may_import ${name}
          import_pool ${name}
        '' + declared name (cfg.${name} or { parallelStart = null; parallelStop = null; users = { }; groups = { }; })
        + "all_is_there\n";
      })
      installed);
  };
}
