# Modules inside of an option: its value is the configuration of a nested evaluation.
{ lib }:
let
  inherit (builtins) attrNames isAttrs intersectAttrs;
  inherit (lib.types) defaultFunctor mkOptionType optionDescriptionPhrase submoduleWith;

  # Two declarations of one submodule must not contradict each other.
  agree = what: a: b:
    if a == null || a == b then b
    else if b == null then a
    else throw "types.submoduleWith: two declarations of one option differ in `${what}'";
in
{
  # A module, or a list of modules. A definition that is a set is the submodule's `config`.
  submodule = modules: submoduleWith {
    shorthandOnlyDefinesConfig = true;
    modules = lib.toList modules;
  };

  submoduleWith = {
    modules, specialArgs ? { }, shorthandOnlyDefinesConfig ? false, description ? null, class ? null
  }@args: let
    asModule = def:
      if isAttrs def.value && shorthandOnlyDefinesConfig == true
      then { _file = def.file; config = def.value; }
      else { _file = def.file; imports = [ def.value ]; };

    # Evaluated once for all definitions; `name` is that of the attribute that holds the submodule.
    base = lib.evalModules {
      inherit specialArgs class;
      modules = [ { _module.args.name = lib.mkOptionDefault "‹name›"; } ] ++ modules;
    };

    forDocs = prefix: base.extendModules {
      inherit prefix;
      modules = [ { _file = "lib/types/submodule.nix"; _module.check = lib.mkForce false; } ];
    };
    freeform = (forDocs [ ])._module.freeformType;
  in mkOptionType {
    name = "submodule";
    description =
      if description != null then description
      else if freeform ? description then "open submodule of ${
        optionDescriptionPhrase (class: class == "noun" || class == "composite") freeform}"
      else "submodule";
    check = x: isAttrs x || lib.isFunction x || lib.types.path.check x;
    merge = loc: defs: (base.extendModules {
      modules = [ { _module.args.name = lib.last loc; } ] ++ map asModule defs;
      prefix = loc;
    }).config;
    emptyValue = { value = base.config; };
    getSubOptions = prefix: (forDocs prefix).options
      // lib.optionalAttrs (freeform != null) { _freeformOptions = freeform.getSubOptions prefix; };
    getSubModules = modules;
    substSubModules = others: submoduleWith (args // { modules = others; });
    functor = defaultFunctor "submodule" // {
      type = submoduleWith;
      payload = { inherit modules specialArgs shorthandOnlyDefinesConfig description class; };
      binOp = a: b: {
        modules = a.modules ++ b.modules;
        specialArgs = let
          both = attrNames (intersectAttrs a.specialArgs b.specialArgs);
        in
          lib.throwIf (both != [ ])
            "types.submoduleWith: two declarations of one option give the argument `${toString both}'"
            (a.specialArgs // b.specialArgs);
        shorthandOnlyDefinesConfig =
          agree "shorthandOnlyDefinesConfig" a.shorthandOnlyDefinesConfig b.shorthandOnlyDefinesConfig;
        description = agree "description" a.description b.description;
        class = agree "class" a.class b.class;
      };
    };
  };

  # A module that is not evaluated here but can be imported elsewhere.
  deferredModule = mkOptionType {
    name = "deferredModule";
    description = "module";
    descriptionClass = "noun";
    check = x: isAttrs x || lib.isFunction x || lib.types.path.check x;
    merge = loc: defs: {
      imports = map (def: { _file = "${def.file}, via option ${lib.showOption loc}"; imports = [ def.value ]; }) defs;
    };
  };
}
