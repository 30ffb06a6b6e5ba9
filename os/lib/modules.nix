# Modules: many files that declare options and define their values become one configuration.
#
# The steps, each in a file of its own:
#
#   modules/collect.nix   modules (paths, functions, sets) and their imports  ->  a flat list
#   modules/merge.nix     declarations and definitions, name by name          ->  a tree of options
#   types/*.nix           the definitions of one option                       ->  its value
#   modules/errors.nix    errors                                              ->  their messages
#
# Evaluation is lazy: modules get the `config` that they are part of, and may read any of it, except where Nix
# needs the value to find out which options exist.
{ lib }:
let
  inherit (builtins) removeAttrs seq;
  inherit (lib) evalModules mergeModules mkOption types;

  errors = import ./modules/errors.nix { inherit lib; };

  # Declares the options of every evaluation: arguments of modules, and strictness.
  ownModule = specialArgs: extra: {
    _file = "lib/modules.nix";
    key = "lib/modules.nix";
    options._module = {
      args = mkOption {
        type = types.lazyAttrsOf types.raw;
        internal = true;
        description = "Arguments for modules, beside `lib`, `config` and `options`. They cannot decide on imports.";
      };
      check = mkOption {
        type = types.bool;
        internal = true;
        default = true;
        description = "Whether a definition of an option that does not exist is an error.";
      };
      freeformType = mkOption {
        type = types.nullOr types.optionType;
        internal = true;
        default = null;
        description = "The type of all definitions for which no option exists.";
      };
      specialArgs = mkOption {
        readOnly = true;
        internal = true;
        description = "Arguments that were given to the evaluation itself, and may decide on imports.";
      };
    };
    config._module = { args = extra; inherit specialArgs; };
  };
in
{
  # modules      paths, functions or sets
  # specialArgs  further arguments of modules, known before any module is read
  # prefix       path of the options in a larger tree; for messages
  # class        if set, modules with another `_class` are refused
  #
  # Gives `config` (the values), `options` (the tree of options: declarations, files, values),
  # and `extendModules`, which evaluates again with more modules.
  evalModules = args@{ modules, specialArgs ? { }, prefix ? [ ], class ? null }: let
    extendModules = more@{ modules ? [ ], specialArgs ? { }, prefix ? args.prefix or [ ] }:
      evalModules (args // {
        inherit prefix;
        modules = args.modules ++ modules;
        specialArgs = args.specialArgs or { } // specialArgs;
      });

    type = types.submoduleWith { inherit modules specialArgs class; };

    collected = lib.modules.collectModules {
      inherit class;
      modulesPath = specialArgs.modulesPath or "";
      modules = modules ++ [ (ownModule specialArgs { inherit extendModules; moduleType = type; }) ];
      # Arguments of a module that is a function.
      args = { inherit lib options config specialArgs; _class = class; _prefix = prefix; } // specialArgs;
    };

    merged = mergeModules prefix collected;
    options = merged.matchedOptions;

    declared = lib.mapAttrsRecursiveCond (x: !lib.isOption x) (_: option: option.value) options;
    freeformType = declared._module.freeformType;
    freeform = freeformType.merge prefix (map (def: {
      inherit (def) file;
      value = lib.setAttrByPath def.path def.value;
    }) merged.unmatchedDefns);

    config =
      if freeformType == null || merged.unmatchedDefns == [ ] then declared
      else lib.recursiveUpdate freeform declared;

    checked = seq (
      if declared._module.check && freeformType == null && merged.unmatchedDefns != [ ]
      then errors.unknownOption { inherit prefix options; defs = merged.unmatchedDefns; }
      else null);
  in {
    _type = "configuration";
    options = checked options;
    config = checked (removeAttrs config [ "_module" ]);
    _module = checked config._module;
    inherit extendModules type class;
  };

  # The module, with a file name for messages.
  setDefaultModuleLocation = file: module: { _file = file; imports = [ module ]; };

  importApply = file: args: lib.setDefaultModuleLocation file (import file args);
}
// import ./modules/collect.nix { inherit lib; }
// import ./modules/merge.nix { inherit lib; }
// import ./modules/rename.nix { inherit lib; }
