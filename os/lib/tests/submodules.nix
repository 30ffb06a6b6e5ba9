# Options inside of options.
{ lib }:
let
  inherit (lib) mkDefault mkForce mkIf mkMerge mkOption types;
  inherit (import ./cases.nix { inherit lib; }) config declare gives merge throws;

  point = types.submodule {
    options.x = mkOption { type = types.int; };
    options.y = mkOption { type = types.int; default = 0; };
  };
  named = types.submodule ({ name, ... }: { options.name = mkOption { type = types.str; default = name; }; });
in
{
  one = gives (merge point [ { x = 1; } ]) { x = 1; y = 0; };
  two = gives (merge point [ { x = 1; } { y = 2; } ]) { x = 1; y = 2; };
  without = gives (config [ { options.s = mkOption { type = types.submodule { options.y = mkOption { default = 1; }; }; }; } ]).s { y = 1; };
  default = gives (config [ { options.s = mkOption { type = point; default = { x = 3; }; }; } ]).s { x = 3; y = 0; };
  aDefinitionReplacesTheDefault = gives (config [ { options.s = mkOption { type = point; default = { x = 3; y = 4; }; }; } { s.x = 1; } ]).s { x = 1; y = 0; };
  priorityInside = gives (merge point [ { x = mkDefault 1; } { x = 2; } { y = mkForce 3; } { y = 4; } ]) { x = 2; y = 3; };
  conditionAround = gives (merge point [ (mkIf true { x = 1; }) (mkIf false { x = 2; }) ]) { x = 1; y = 0; };
  mergeAround = gives (merge point [ (mkMerge [ { x = 1; } { y = 2; } ]) ]) { x = 1; y = 2; };
  functionAsDefinition = gives (merge point [ ({ config, ... }: { x = 1; y = config.x + 1; }) ]) { x = 1; y = 2; };
  pathAsDefinition = gives (merge (types.submodule { }) [ ./fixtures/counter.nix ]) { x = [ 1 ]; };

  inASet = gives (merge (types.attrsOf named) [ { a = { }; b.name = "c"; } ]) { a.name = "a"; b.name = "c"; };
  inASetFalseIsLeftOut = gives (merge (types.attrsOf named) [ { a = mkIf false { }; b = { }; } ]) { b.name = "b"; };
  inALazySet = gives (merge (types.lazyAttrsOf named) [ { a = { }; b = throw "not needed"; } ]).a { name = "a"; };
  inAList = gives (map (p: p.x) (merge (types.listOf point) [ [ { x = 1; } { x = 2; } ] ])) [ 1 2 ];
  orNull = gives (map (p: merge (types.nullOr point) [ p ]) [ null { x = 1; } ]) [ null { x = 1; y = 0; } ];
  orString = gives (map (p: merge (types.either types.str point) [ p ]) [ "a" { x = 1; } ]) [ "a" { x = 1; y = 0; } ];
  coerced = gives (merge (types.coercedTo types.int (x: { inherit x; }) point) [ 1 ]) { x = 1; y = 0; };
  inASubmodule = gives (merge (types.attrsOf (types.submodule { options.p = mkOption { type = types.attrsOf point; }; })) [ { a.p.b.x = 1; } { a.p.c.x = 2; } ])
    { a.p = { b = { x = 1; y = 0; }; c = { x = 2; y = 0; }; }; };

  withArguments = gives (merge (types.submoduleWith {
    specialArgs.n = 5;
    modules = [ ({ n, ... }: { options.x = mkOption { default = n; }; }) ];
  }) [ { } ]) { x = 5; };
  # submoduleWith takes a set as a whole module: it may declare.
  definitionThatDeclares = gives (merge (types.submoduleWith { modules = [ ]; }) [ { options.x = mkOption { default = 1; }; } ]) { x = 1; };
  # submodule takes it as definitions: an option may be called `config`.
  optionCalledConfig = gives (merge (types.submodule { options.config = mkOption { type = types.int; }; }) [ { config = 1; } ]) { config = 1; };
  # Each evaluation has its own arguments.
  outerArgumentsStayOutside = throws [ "argument `n'" ] (config [
    { _module.args.n = 1; }
    (declare (types.submodule ({ n, ... }: { options.y = mkOption { default = n; }; })))
    { x = { }; }
  ]).x.y;

  declaredInTwoFiles = gives (config [
    { options.s = mkOption { type = types.attrsOf (types.submodule { options.a = mkOption { type = types.int; }; }); }; }
    { options.s = mkOption { type = types.attrsOf (types.submodule { options.b = mkOption { type = types.int; default = 2; }; }); }; }
    { s.one.a = 1; }
  ]).s { one = { a = 1; b = 2; }; };
  optionsBesideASubmodule = gives (config [
    { options.s = mkOption { type = types.submodule { options.a = mkOption { type = types.int; }; }; }; }
    { options.s.b = mkOption { type = types.int; default = 2; }; }
    { s.a = 1; }
  ]).s { a = 1; b = 2; };
  freeform = gives (merge (types.submodule { freeformType = types.attrsOf types.str; options.n = mkOption { type = types.int; default = 1; }; }) [ { a = "b"; } ]) { a = "b"; n = 1; };
  oneReadsAnother = gives (config [
    (declare (types.attrsOf point))
    ({ config, ... }: { x.a.x = 1; x.b.x = config.x.a.x + 1; })
  ]).x.b.x 2;
  outerReadsAll = gives (config [
    (declare (types.attrsOf point))
    { options.sum = mkOption { type = types.int; }; }
    ({ config, ... }: { sum = lib.foldl' (n: p: n + p.x) 0 (lib.attrValues config.x); x.a.x = 1; x.b.x = 2; })
  ]).sum 3;
}
