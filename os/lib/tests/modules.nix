# Modules: forms, imports, arguments, options of options.
{ lib }:
let
  inherit (lib) mkOption types;
  inherit (import ./cases.nix { inherit lib; }) config declare gives options throws;

  int = mkOption { type = types.int; };
  ints = declare (types.listOf types.int);
in
{
  setAsModule = gives (config [ { options.x = int; } { config.x = 1; } ]).x 1;
  shortModule = gives (config [ { options.x = int; } { x = 1; } ]).x 1;
  functionAsModule = gives (config [ ({ lib, ... }: { options.x = lib.mkOption { type = lib.types.int; }; }) { x = 1; } ]).x 1;
  functorAsModule = gives (config [ { options.x = int; } { __functor = _: { lib, ... }: { x = 1; }; } ]).x 1;
  fileAsModule = gives (config [ ./fixtures/counter.nix ]).x [ 1 ];
  stringAsModule = gives (config [ (toString ./fixtures/counter.nix) ]).x [ 1 ];
  aFileCountsOnce = gives (config [ ./fixtures/counter.nix ./fixtures/counter.nix ]).x [ 1 ];
  importsAndTheirOrder = gives (config [ ./fixtures/imports.nix ]).x [ 3 1 2 ];
  importsOfSets = gives (config [ ints { imports = [ { x = [ 1 ]; } ({ ... }: { x = [ 2 ]; }) ]; x = [ 3 ]; } ]).x [ 2 1 3 ];
  moduleWithKeyCountsOnce = gives (let m = { key = "m"; x = [ 1 ]; }; in config [ ints m { imports = [ m ]; } ]).x [ 1 ];
  laterModulesComeFirst = gives (config [ ints { x = [ 1 ]; } { x = [ 2 ]; } ]).x [ 2 1 ];
  nestedOptions = gives (config [ { options.a.b.c = int; } { options.a.b.d = int; } { a.b = { c = 1; d = 2; }; } ]).a.b { c = 1; d = 2; };
  noModules = gives (config [ ]) { };

  disabledModule = gives (config [ ./fixtures/imports.nix { disabledModules = [ ./fixtures/directory ]; } ]).x [ 1 2 ];
  disabledByKey = gives (config [ ints { key = "m"; x = [ 1 ]; } { disabledModules = [ { key = "m"; } ]; x = [ 2 ]; } ]).x [ 2 ];
  disabledBelowModulesPath = gives (lib.evalModules {
    specialArgs.modulesPath = toString ./fixtures;
    modules = [ ./fixtures/imports.nix { disabledModules = [ "directory" ]; } ];
  }).config.x [ 1 2 ];

  specialArgs = gives (lib.evalModules {
    specialArgs.n = 7;
    modules = [ { options.x = int; } ({ n, ... }: { x = n; }) ];
  }).config.x 7;
  specialArgsDecideOnImports = gives (lib.evalModules {
    specialArgs.file = ./fixtures/counter.nix;
    modules = [ ({ file, ... }: { imports = [ file ]; }) ];
  }).config.x [ 1 ];
  moduleArgs = gives (config [ { options.x = int; } { _module.args.n = 7; } ({ n, ... }: { x = n; }) ]).x 7;
  moduleArgsFromTheConfiguration = gives (config [
    { options = { x = int; y = int; }; }
    ({ config, ... }: { _module.args.double = config.x * 2; x = 2; })
    ({ double, ... }: { y = double; })
  ]).y 4;
  unknownArgument = throws [ "argument `n'" "_module.args.n" ] (config [ { options.x = int; } ({ n, ... }: { x = n; }) ]).x;
  extendModules = gives ((lib.evalModules { modules = [ ints { x = [ 1 ]; } ]; }).extendModules { modules = [ { x = [ 2 ]; } ]; }).config.x [ 2 1 ];
  configHasNoModule = gives (config [ ints { x = [ ]; } ] ? _module) false;
  classFits = gives (lib.evalModules { class = "os"; modules = [ ints { _class = "os"; x = [ 1 ]; } ]; }).config.x [ 1 ];
  classRefused = throws [ "os" "home" ] (lib.evalModules { class = "os"; modules = [ ints { _class = "home"; x = [ 1 ]; } ]; }).config.x;

  apply = gives (config [ { options.x = mkOption { type = types.int; apply = n: n + 1; }; } { x = 1; } ]).x 2;
  readOnly = gives (config [ { options.x = mkOption { type = types.int; readOnly = true; }; } { x = 1; } ]).x 1;
  mkEnableOption = gives (let o = lib.mkEnableOption "the thing"; in [ o.default o.example o.description o.type.name ])
    [ false true "Whether to enable the thing." "bool" ];

  isDefined = gives (let o = options [ { options = { x = int; y = int; }; } { x = 1; } ]; in [ o.x.isDefined o.y.isDefined ]) [ true false ];
  filesOfADefinition = gives (options [ ints { _file = "a.nix"; x = [ 1 ]; } { _file = "b.nix"; x = [ 2 ]; } ]).x.files [ "b.nix" "a.nix" ];
  definitionsOfAnOption = gives (options [ ints { x = [ 1 ]; } { x = lib.mkForce [ 2 ]; } ]).x.definitions [ [ 2 ] ];
  optionAsString = gives "${(options [ { options.a."b.c" = int; } ]).a."b.c"}" ''a."b.c"'';
  optionsAsArgument = gives (config [ { options.x = int; options.y = mkOption { type = types.bool; }; } ({ options, ... }: { y = options.x.isDefined; }) ]).y false;

  freeform = gives (config [ { freeformType = types.attrsOf types.int; options.x = int; } { x = 1; y = 2; } ]) { x = 1; y = 2; };
  freeformDeep = gives (config [ { freeformType = types.attrsOf types.anything; options.a.b = int; } { a = { b = 1; c = "c"; }; } ]).a { b = 1; c = "c"; };
  freeformRefuses = throws [ "`y'" ] (config [ { freeformType = types.attrsOf types.int; } { y = "a"; } ]).y;
  withoutCheck = gives (config [ { options.x = int; } { _module.check = false; x = 1; y = 2; } ]) { x = 1; };

  removedOptionUnset = gives (map (a: a.assertion) (config [
    ../assertions.nix
    (lib.mkRemovedOptionModule [ "a" "b" ] "Use c.")
  ]).assertions) [ true ];
  removedOptionSet = gives (map (a: a.assertion) (config [
    ../assertions.nix
    (lib.mkRemovedOptionModule [ "a" "b" ] "Use c.")
    { a.b = 1; }
  ]).assertions) [ false ];
  renamedOption = gives (config [
    ../assertions.nix
    { options.new.x = int; }
    (lib.mkRenamedOptionModule [ "old" "x" ] [ "new" "x" ])
    { old.x = 1; }
  ]).new.x 1;
  renamedOptionKeepsPriority = gives (config [
    { options.y = int; }
    (lib.mkRenamedOptionModule [ "x" ] [ "y" ])
    { x = lib.mkForce 1; y = 2; }
  ]).y 1;
  renamedOptionWarns = gives (builtins.length (config [
    ../assertions.nix
    { options.y = int; }
    (lib.mkRenamedOptionModule [ "x" ] [ "y" ])
    { x = 1; }
  ]).warnings) 1;
  aliasBothWays = gives (let c = config [ { options.y = int; } (lib.mkAliasOptionModule [ "x" ] [ "y" ]) { x = 1; } ]; in [ c.x c.y ]) [ 1 1 ];
}
