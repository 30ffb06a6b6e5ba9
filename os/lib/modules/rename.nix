# Modules for removed and renamed options, with warnings for old configurations.
{ lib }:
let
  inherit (builtins) isString;
  inherit (lib) getAttrFromPath mkDefinition mkIf mkMerge mkOption mkOverride setAttrByPath showFiles showOption;

  paths = path: if isString path then lib.splitString "." path else path;
in
rec {
  mkRemovedOptionModule = path: hint: { options, ... }: {
    options = setAttrByPath path (mkOption {
      visible = false;
      apply = _: throw "the option `${showOption path}' is used, but it was removed. ${hint}";
    });
    config.assertions = let
      option = getAttrFromPath path options;
    in [ {
      assertion = !option.isDefined;
      message = "the option `${showOption path}' is set in ${showFiles option.files}, but it was removed. ${hint}";
    } ];
  };

  mkRenamedOptionModule = from: to: doRename {
    inherit from to;
    visible = false;
    warn = true;
    use = lib.warn "the old option `${showOption from}' is read; read `${showOption to}'";
  };

  mkAliasOptionModule = from: to: doRename {
    inherit from to;
    visible = true;
    warn = false;
    use = lib.id;
  };

  # The old name as another way to set and read the new one, with the same priority.
  doRename = { from, to, visible, warn, use, withPriority ? true, condition ? true }: { config, options, ... }: let
    old = getAttrFromPath from options;
    new = lib.attrByPath to { } options;
    missing = throw "`${showOption from}' was renamed to `${showOption to}', which does not exist";
  in {
    options = setAttrByPath from (mkOption {
      inherit visible;
      description = "Alias of {option}`${showOption to}`.";
      apply = _: use (lib.attrByPath to missing config);
    } // lib.optionalAttrs (new ? type) { inherit (new) type; });
    config = mkIf condition (mkMerge [
      (lib.optionalAttrs (options ? warnings) {
        warnings = lib.optional (warn && old.isDefined)
          "the option `${showOption from}', set in ${showFiles old.files}, is now called `${showOption to}'";
      })
      ((if withPriority then mkAliasAndWrapDefsWithPriority else mkAliasAndWrapDefinitions) (setAttrByPath to) old)
    ]);
  };

  # The definitions of an option as definitions of something else.
  mkAliasDefinitions = mkAliasAndWrapDefinitions lib.id;
  mkAliasAndWrapDefinitions = wrap: option: mkIf option.isDefined (wrap (mkMerge option.definitions));

  # The same, with their priority and the files that they are from.
  mkAliasAndWrapDefsWithPriority = wrap: option: let
    one = def: mkDefinition (def // { value = mkOverride option.highestPrio def.value; });
  in mkIf option.isDefined (wrap (mkMerge (map one option.definitionsWithLocations)));
}
