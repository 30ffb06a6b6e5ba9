# Pools of osctl and what is declared on them.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  words = lib.escapeShellArgs;

  idMap = which: mkOption {
    type = types.listOf (types.strMatching "[0-9]+:[0-9]+:[0-9]+");
    default = [ ];
    example = lib.literalExpression ''[ "0:2000000:65536" ]'';
    description = "Entries of its map of ${which} ids: first id within, first id on the host, how many. Without any a block of the id range is taken.";
  };
  parallel = what: mkOption {
    type = types.nullOr (types.ints.between 1 1000);
    default = null;
    description = "How many containers are ${what} at the same time; `null` leaves it as the pool has it.";
  };

  user.options = {
    uidMap = idMap "user";
    gidMap = idMap "group";
    idRange = {
      name = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        description = "Id range that its block is of; asked for when it is made.";
      };
      blockIndex = mkOption {
        type = types.nullOr types.ints.unsigned;
        default = null;
        description = "Number of the block; asked for when it is made.";
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
      description = "Users that are made if they are missing. None is changed or deleted; what is different is told.";
    };
    groups = mkOption {
      type = types.attrsOf (types.submodule { });
      default = { };
      example = lib.literalExpression ''{ "/customers/web" = { }; }'';
      description = "Groups that are made, with those above them, if they are missing. None is deleted.";
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
    description = "What is on pools of osctl, by the name of the pool, which `boot.zfs.pools` has with `install`.";
  };

  config = {
    assertions = map
      (name: {
        assertion = lib.elem name installed;
        message = "osctl.pools.${name}: boot.zfs.pools.${name}.install is not true, so it is no pool of osctl";
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
        # Containers that start with the pool find the bridges they are on.
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
