# Priorities of definitions, order of merging, and evaluation of conditions.
{ lib }:
let
  inherit (lib)
    mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOptionDefault mkOrder mkOverride mkVMOverride types;
  inherit (import ./cases.nix { inherit lib; }) config declare gives merge mkOption options refuses throws;

  withDefault = default: [ { options.x = mkOption { type = types.int; inherit default; }; } ];
in
{
  defaultOfTheOption = gives (config (withDefault 1)).x 1;
  definitionOverDefault = gives (config (withDefault 1 ++ [ { x = 2; } ])).x 2;
  mkDefaultOverDefault = gives (config (withDefault 1 ++ [ { x = mkDefault 2; } ])).x 2;
  mkOptionDefaultConflictsWithDefault = throws [ "conflicting definitions" ] (config (withDefault 1 ++ [ { x = mkOptionDefault 2; } ])).x;
  plainOverMkDefault = gives (merge types.int [ (mkDefault 1) 2 ]) 2;
  mkForceOverPlain = gives (merge types.int [ 1 (mkForce 2) ]) 2;
  mkVMOverrideOverMkForce = gives (merge types.int [ (mkForce 1) (mkVMOverride 2) ]) 2;
  mkOverrideByNumber = gives (merge types.int [ (mkOverride 49 1) (mkForce 2) ]) 1;
  equalPrioritiesConflict = refuses types.int [ (mkForce 1) (mkForce 2) ];
  numbers = gives (map (f: (f 1).priority) [ mkVMOverride mkForce mkDefault mkOptionDefault mkBefore mkAfter ])
    [ 10 50 1000 1500 500 1500 ];
  highestPrio = gives (options (withDefault 1 ++ [ { x = mkDefault 2; } ])).x.highestPrio 1000;

  listsOfOnePriorityAreJoined = gives (merge (types.listOf types.int) [ (mkDefault [ 1 ]) (mkDefault [ 2 ]) ]) [ 2 1 ];
  aPlainListReplacesDefaults = gives (merge (types.listOf types.int) [ (mkDefault [ 1 ]) [ 2 ] ]) [ 2 ];

  mkBeforeAndMkAfter = gives (merge (types.listOf types.int) [ (mkAfter [ 3 ]) [ 2 ] (mkBefore [ 1 ]) ]) [ 1 2 3 ];
  mkOrderByNumber = gives (merge types.lines [ (mkOrder 1501 "d") (mkAfter "c") (mkOrder 499 "a") (mkBefore "b") ]) "a\nb\nc\nd";
  orderInForce = gives (merge (types.listOf types.int) [ (mkForce (mkAfter [ 2 ])) (mkForce [ 1 ]) [ 3 ] ]) [ 1 2 ];
  equalOrderKeepsItsPlace = gives (merge (types.listOf types.int) [ (mkBefore [ 2 ]) (mkBefore [ 1 ]) [ 3 ] ]) [ 1 2 3 ];

  mkIfTrue = gives (merge types.int [ (mkIf true 1) ]) 1;
  mkIfFalseLeavesOthers = gives (merge types.int [ (mkIf false 1) 2 ]) 2;
  mkIfFalseLeavesDefault = gives (config (withDefault 1 ++ [ { x = mkIf false 2; } ])).x 1;
  mkIfInMkIf = gives (merge types.int [ (mkIf true (mkIf false 1)) (mkIf true (mkIf true 2)) ]) 2;
  mkIfAroundForce = gives (merge types.int [ (mkIf true (mkForce 1)) 2 ]) 1;
  mkIfNeedsABool = throws [ "mkIf" "int" ] (merge types.int [ (mkIf 1 1) ]);
  mkIfDoesNotAskForContent = gives (merge types.int [ (mkIf false (throw "not needed")) 2 ]) 2;
  mkMergeOfValues = gives (merge (types.listOf types.int) [ (mkMerge [ [ 1 ] (mkIf false [ 2 ]) (mkIf true [ 3 ]) ]) ]) [ 1 3 ];
  mkMergeInMkIf = gives (merge (types.listOf types.int) [ (mkIf true (mkMerge [ [ 1 ] [ 2 ] ])) ]) [ 1 2 ];
  mkForceOnASet = gives (config [
    { options.a = { b = mkOption { type = types.int; }; c = mkOption { type = types.int; }; }; }
    { a = mkForce { b = 1; c = 2; }; }
    { a.b = 3; }
  ]).a { b = 1; c = 2; };

  # The condition reads the configuration that the module itself defines.
  conditionOnTheConfiguration = gives (config [
    ({ config, ... }: {
      options.enable = mkOption { type = types.bool; default = false; };
      options.x = mkOption { type = types.int; default = 1; };
      config = mkIf config.enable { x = 2; };
    })
    { enable = true; }
  ]) { enable = true; x = 2; };
  conditionThatIsFalse = gives (config [
    (declare types.int)
    { options.enable = mkOption { type = types.bool; default = false; }; }
    ({ config, ... }: mkIf config.enable { x = throw "not needed"; })
    { x = 3; }
  ]) { enable = false; x = 3; };
  conditionInsideMkMerge = gives (config [
    ({ config, ... }: {
      options = { a = mkOption { type = types.bool; }; b = mkOption { type = types.bool; default = false; }; };
      config = mkMerge [ { a = true; } (mkIf config.a { b = true; }) ];
    })
  ]) { a = true; b = true; };
  chainOfConditions = gives (config [
    ({ config, ... }: {
      options = lib.genAttrs [ "a" "b" "c" ] (_: mkOption { type = types.bool; default = false; });
      config = mkMerge [ (mkIf config.b { c = true; }) (mkIf config.a { b = true; }) { a = true; } ];
    })
  ]).c true;
  # Without the push-down this would need `config.s` to know `config.s`.
  conditionOnASibling = gives (config [
    ({ config, ... }: {
      options.s = { a = mkOption { type = types.bool; default = true; }; b = mkOption { type = types.int; default = 0; }; };
      config.s = mkIf config.s.a { b = 1; };
    })
  ]).s.b 1;
  defaultFromAnotherOption = gives (config [
    ({ config, ... }: {
      options.a = mkOption { type = types.int; };
      options.b = mkOption { type = types.int; default = config.a + 1; };
    })
    { a = 1; }
  ]).b 2;
  # Fine with lazyAttrsOf; attrsOf must know of each value whether its condition is true.
  itemsOfASetCannotDependOnEachOther = throws [ "infinite recursion" ] (config [
    (declare (types.attrsOf types.int))
    ({ config, ... }: { x = { a = 1; b = mkIf (config.x.a == 1) 2; }; })
  ]).x;
}
