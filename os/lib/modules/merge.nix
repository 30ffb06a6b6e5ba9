# From a list of modules to a tree of options with their values.
{ lib }:
let
  errors = import ./errors.nix { inherit lib; };
  inherit (builtins)
    addErrorContext all any attrNames concatLists concatMap filter foldl' head isAttrs length mapAttrs
    removeAttrs unsafeGetAttrPos;
  inherit (lib)
    dischargeProperties evalOptionValue fixupOptionType isOption mapAttrsToList
    mergeDefinitions mergeOptionDecls mkOptionDefault reverseList setDefaultModuleLocation
    showOption sortProperties types zipAttrs;
  inherit (lib.modules) filterOverrides' pushDown;

  # The sets of definitions of a level, by name: `values` as they are, for an option; `sets` with
  # properties pushed down, for a level below. `source` is kept for positions.
  byName = loc: configs:
    zipAttrs (map (config:
      if !isAttrs config.set then throw (errors.definitionIsNoSet loc config)
      else mapAttrs (name: value: {
        inherit (config) file;
        inherit value;
        pos = unsafeGetAttrPos name config.source;
      }) config.set
    ) configs);

  below = concatMap (def: map (part: part // { inherit (def) file pos; }) (pushDown def.value));

  # Options inside of an option: allowed if it is a submodule; they become part of it.
  asSubmodule = decl:
    if isOption decl.option then decl
    else decl // {
      option = lib.mkOption {
        type = types.submoduleWith {
          modules = [ { options = decl.option; } ];
          shorthandOnlyDefinesConfig = null;
        };
      };
    };

  mergeLevel = prefix: decls: configs: let
    declsByName = zipAttrs (map (decl:
      if !isAttrs decl.options then throw (errors.declarationIsNoSet prefix decl)
      else mapAttrs (name: option: {
        inherit (decl) _file;
        inherit option;
        pos = unsafeGetAttrPos name decl.options;
      }) decl.options
    ) decls);

    defsByName = byName prefix configs;

    result = name: decls: let
      loc = prefix ++ [ name ];
      defs = defsByName.${name} or [ ];
      declared = filter (decl: decl.option ? _type && (
        isOption decl.option || throw (errors.declarationIsNoOption loc decl))) decls;
      option = decls: {
        matched = evalOptionValue loc (fixupOptionType loc (mergeOptionDecls loc decls)) defs;
        unmatched = [ ];
      };
    in
      if length declared == length decls then option decls
      else if declared == [ ] then
        mergeLevel loc (map (decl: { inherit (decl) _file; options = decl.option; }) decls) (below defs)
      else if all (decl: decl.option.type.name or null == "submodule") declared then
        option (map asSubmodule decls)
      else throw (errors.optionInsideOption loc (head declared) (filter (decl: !isOption decl.option) decls));

    results = mapAttrs result declsByName;
    named = name: map (def: def // { path = [ name ] ++ def.path or [ ]; });
  in {
    matched = mapAttrs (_: r: r.matched) results;
    unmatched =
      # Checked first, so that a level without definitions is not evaluated.
      if configs == [ ] then [ ]
      else concatLists (mapAttrsToList named
        (mapAttrs (_: r: r.unmatched) results // removeAttrs defsByName (attrNames declsByName)));
  };
in
{
  # Later modules come first, so that a list starts with what the imported ones define.
  mergeModules = prefix: modules: let
    ordered = reverseList modules;
    level = mergeLevel prefix ordered (concatMap (module:
      map (part: part // {
        file = module._file;
        pos = null;
        source = if module.source == null then part.source else module.source;
      }) (pushDown module.config)
    ) ordered);
  in {
    matchedOptions = level.matched;
    unmatchedDefns = level.unmatched;
  };

  # All declarations of one option as one. Each may extend a submodule; only one may declare the other attributes.
  mergeOptionDecls = loc: foldl' (merged: decl: let
    new = decl.option;
    twice = filter (k: merged ? ${k} && new ? ${k}) [ "default" "example" "description" "apply" ];
    type = merged.type.typeMerge new.type.functor;
    subModules = new.type.getSubModules or null;
  in
    if twice != [ ] then throw (errors.declaredTwice loc merged decl (head twice))
    else if merged ? type && new ? type && type == null then throw (errors.declaredTwice loc merged decl "type")
    else new // merged // {
      declarations = merged.declarations ++ [ decl._file ];
      declarationPositions = merged.declarationPositions ++ [
        (if decl.pos != null then decl.pos else { file = decl._file; line = null; column = null; })
      ];
      options = (if subModules == null then [ ] else map (setDefaultModuleLocation decl._file) subModules)
        ++ merged.options;
    } // (if merged ? type && new ? type then { inherit type; } else { })
  ) { inherit loc; declarations = [ ]; declarationPositions = [ ]; options = [ ]; };

  # The type of the option; a submodule with the modules of all declarations.
  fixupOptionType = loc: option:
    if option.type.getSubModules or null == null
    then option // { type = option.type or types.unspecified; }
    else option // { type = option.type.substSubModules option.options; options = [ ]; };

  # The option with its value, and where that came from.
  evalOptionValue = loc: option: defs: let
    all = lib.optional (option ? default) {
      file = head option.declarations;
      pos = head option.declarationPositions;
      value = mkOptionDefault option.default;
    } ++ defs;
    merged =
      if option.readOnly or false && length all > 1 then throw (errors.readOnlyTwice loc all)
      else mergeDefinitions loc option.type all;
    value = if option ? apply then option.apply merged.mergedValue else merged.mergedValue;
    deprecated = option.type.deprecationMessage or null;
  in
    lib.warnIf (deprecated != null)
      "the option `${showOption loc}' in ${lib.showFiles option.declarations} has a deprecated type: ${toString deprecated}"
      option // {
        value = addErrorContext "while evaluating the option `${showOption loc}':" value;
        inherit (merged.defsFinal') highestPrio;
        definitions = map (def: def.value) merged.defsFinal;
        files = map (def: def.file) merged.defsFinal;
        definitionsWithLocations = merged.defsFinal;
        inherit (merged) isDefined;
        __toString = _: showOption loc;
      };

  # Definitions of one option: the effective ones, in order; and their merged value.
  mergeDefinitions = loc: type: defs: rec {
    defsFinal' = let
      each = def: map (value:
        if value._type or null == "definition" then value else def // { inherit value; }
      ) (addErrorContext "while evaluating definitions from `${toString def.file}':" (dischargeProperties def.value));
      winners = filterOverrides' (concatMap each defs);
    in winners // {
      values =
        if any (def: def.value._type or "" == "order") winners.values
        then sortProperties winners.values else winners.values;
    };
    defsFinal = defsFinal'.values;

    isDefined = defsFinal != [ ];

    mergedValue =
      if isDefined then
        if all (def: type.check def.value) defsFinal then type.merge loc defsFinal
        else throw (errors.wrongType loc type (filter (def: !type.check def.value) defsFinal))
      else type.emptyValue.value or (throw (errors.hasNoValue loc type defs));

    optionalValue = if isDefined then { value = mergedValue; } else { };
  };
}
