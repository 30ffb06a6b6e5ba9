# Each type: accepted values, rejected values, and merging of definitions.
{ lib }:
let
  inherit (lib) mkDefault mkForce mkIf mkMerge types;
  inherit (import ./cases.nix { inherit lib; }) config declare gives merge mkOption refuses throws;

  takes = type: values: map type.check values;
  description = type: type.description;
  package = derivation { name = "p"; system = "x86_64-linux"; builder = "/bin/sh"; };
in
{
  bool = gives (merge types.bool [ true true ]) true;
  boolRefusesString = refuses types.bool [ "true" ];
  boolRefusesTwo = refuses types.bool [ true false ];
  boolByOr = gives (merge types.boolByOr [ false true ]) true;

  int = gives (merge types.int [ 3 3 ]) 3;
  intRefusesString = refuses types.int [ "3" ];
  intRefusesFloat = refuses types.int [ 3.5 ];
  float = gives (merge types.float [ 1.5 ]) 1.5;
  number = gives (map (x: merge types.number [ x ]) [ 1 1.5 ]) [ 1 1.5 ];
  intBetween = gives (takes (types.ints.between 2 4) [ 1 2 4 5 "3" ]) [ false true true false false ];
  intUnsigned = gives (takes types.ints.unsigned [ (-1) 0 1 ]) [ false true true ];
  intPositive = gives (takes types.ints.positive [ (-1) 0 1 ]) [ false false true ];
  intU8 = gives (takes types.ints.u8 [ (-1) 0 255 256 ]) [ false true true false ];
  intU16 = gives (takes types.ints.u16 [ 65535 65536 ]) [ true false ];
  intU32 = gives (takes types.ints.u32 [ 4294967295 4294967296 ]) [ true false ];
  intS8 = gives (takes types.ints.s8 [ (-129) (-128) 127 128 ]) [ false true true false ];
  port = gives (takes types.port [ (-1) 22 65536 ]) [ false true false ];
  numbersBetween = gives (takes (types.numbers.between 0 1.5) [ 0 1.5 1.6 (-1) ]) [ true true false false ];

  str = gives (merge types.str [ "a" "a" ]) "a";
  strRefusesTwo = refuses types.str [ "a" "b" ];
  strRefusesInt = refuses types.str [ 1 ];
  nonEmptyStr = gives (takes types.nonEmptyStr [ "" " \n" "a" ]) [ false false true ];
  singleLineStr = gives (merge types.singleLineStr [ "a\n" ]) "a";
  singleLineStrRefusesLines = refuses types.singleLineStr [ "a\nb" ];
  strMatching = gives (takes (types.strMatching "[a-z]+") [ "abc" "a1" "" ]) [ true false false ];
  lines = gives (merge types.lines [ "b" "a" ]) "a\nb";
  commas = gives (merge types.commas [ "b" "a" ]) "a,b";
  envVar = gives (merge types.envVar [ "b" "a" ]) "a:b";
  separatedString = gives (merge (types.separatedString " ") [ "b" "a" ]) "a b";
  passwdEntry = gives (takes (types.passwdEntry types.str) [ "a" "a:b" "a\n" ]) [ true false false ];

  enum = gives (merge (types.enum [ "a" 1 ]) [ 1 ]) 1;
  enumRefuses = refuses (types.enum [ "a" "b" ]) [ "c" ];
  enumOfTwoDeclarations = gives (config [
    { options.x = mkOption { type = types.enum [ "a" ]; }; }
    { options.x = mkOption { type = types.enum [ "b" ]; }; }
    { x = "b"; }
  ]).x "b";

  path = gives (takes types.path [ "/a" ./. "a" 1 ]) [ true true false false ];
  externalPath = gives (takes types.externalPath [ "/a" "${builtins.storeDir}/00000000000000000000000000000000-a" ]) [ true false ];
  package = gives (merge types.package [ package ]).name "p";
  packageRefusesString = refuses types.package [ "p" ];
  packageRefusesTwo = refuses types.package [ package package ];

  raw = gives (merge types.raw [ { a = 1; } ]) { a = 1; };
  rawRefusesTwo = refuses types.raw [ 1 1 ];
  attrs = gives (merge types.attrs [ { a = 1; } { b = 2; } ]) { a = 1; b = 2; };
  attrsEmpty = gives (merge types.attrs [ ]) { };
  anything = gives (merge types.anything [ { a.b = 1; } { a.c = [ 2 ]; } ]) { a = { b = 1; c = [ 2 ]; }; };
  anythingFunction = gives (merge types.anything [ (x: { a = x; }) (x: { b = x; }) ] 1) { a = 1; b = 1; };
  anythingPriority = gives (merge types.anything [ { a = mkDefault 1; } { a = 2; } ]) { a = 2; };
  anythingRefusesMixed = refuses types.anything [ 1 "1" ];
  anythingRefusesTwoLists = refuses types.anything [ [ 1 ] [ 2 ] ];
  unspecifiedLists = gives (merge types.unspecified [ [ 2 ] [ 1 ] ]) [ 1 2 ];
  unspecifiedSets = gives (merge types.unspecified [ { a = 1; } { b = 1; } ]) { a = 1; b = 1; };
  unspecifiedStrings = gives (merge types.unspecified [ "b" "a" ]) "ab";
  unspecifiedRefusesMixed = refuses types.unspecified [ 1 "a" ];
  noType = gives (config [ { options.x = mkOption { default = 1; }; } ]).x 1;

  nullOr = gives (map (x: merge (types.nullOr types.int) [ x ]) [ null 1 ]) [ null 1 ];
  nullOrEmpty = gives (merge (types.nullOr types.int) [ ]) null;
  nullOrNulls = gives (merge (types.nullOr types.int) [ null null ]) null;
  nullOrRefusesBoth = refuses (types.nullOr types.int) [ null 1 ];
  nullOrRefusesOther = refuses (types.nullOr types.int) [ "a" ];

  either = gives (map (x: merge (types.either types.int types.str) [ x ]) [ 1 "a" ]) [ 1 "a" ];
  eitherRefuses = refuses (types.either types.int types.str) [ true ];
  eitherMergesWithTheFirst = gives (merge (types.either types.lines types.int) [ "b" "a" ]) "a\nb";
  eitherOfTwoDeclarations = gives (config [
    (declare (types.either types.int (types.enum [ "a" ])))
    (declare (types.either types.int (types.enum [ "b" ])))
    { x = "b"; }
  ]).x "b";
  oneOf = gives (map (x: merge (types.oneOf [ types.int types.str types.bool ]) [ x ]) [ 1 "a" true ]) [ 1 "a" true ];

  listOf = gives (merge (types.listOf types.int) [ [ 3 ] [ 1 2 ] ]) [ 1 2 3 ];
  listOfEmpty = gives (merge (types.listOf types.int) [ ]) [ ];
  listOfConditions = gives (merge (types.listOf types.int) [ [ 1 (mkIf false 2) (mkMerge [ 3 ]) (mkIf true 4) ] ]) [ 1 3 4 ];
  listOfRefusesElement = throws [ "entry 2" ] (merge (types.listOf types.int) [ [ 1 "a" ] ]);
  listOfRefusesOther = refuses (types.listOf types.int) [ 1 ];
  nonEmptyListOf = gives (merge (types.nonEmptyListOf types.int) [ [ 1 ] ]) [ 1 ];
  nonEmptyListOfRefusesEmpty = refuses (types.nonEmptyListOf types.int) [ [ ] ];
  nonEmptyListOfHasNoDefault = refuses (types.nonEmptyListOf types.int) [ ];

  attrsOf = gives (merge (types.attrsOf types.int) [ { a = 1; } { b = 2; } ]) { a = 1; b = 2; };
  attrsOfEmpty = gives (merge (types.attrsOf types.int) [ ]) { };
  attrsOfPriorities = gives (merge (types.attrsOf types.int) [ { a = mkForce 1; } { a = 2; } ]) { a = 1; };
  attrsOfLeavesFalseOut = gives (merge (types.attrsOf types.int) [ { a = mkIf false 1; b = 2; } ]) { b = 2; };
  attrsOfWholeCondition = gives (merge (types.attrsOf types.int) [ (mkIf true { a = 1; }) (mkIf false { b = 1; }) ]) { a = 1; };
  attrsOfLists = gives (merge (types.attrsOf (types.listOf types.int)) [ { a = [ 2 ]; } { a = [ 1 ]; } ]) { a = [ 1 2 ]; };
  attrsOfNested = gives (merge (types.attrsOf (types.attrsOf types.int)) [ { a.b = 1; } { a.c = 2; } ]) { a = { b = 1; c = 2; }; };
  attrsOfRefusesElement = throws [ "`x.a'" ] (merge (types.attrsOf types.int) [ { a = "a"; } ]);
  attrsOfRefusesConflict = throws [ "`x.a'" ] (merge (types.attrsOf types.int) [ { a = 1; } { a = 2; } ]);

  lazyAttrsOf = gives (merge (types.lazyAttrsOf types.int) [ { a = 1; } { b = mkIf true 2; } ]) { a = 1; b = 2; };
  lazyAttrsOfNeedsNoOther = gives (merge (types.lazyAttrsOf types.int) [ { a = 1; b = throw "not needed"; } ]).a 1;
  lazyAttrsOfEmptyValue = gives (merge (types.lazyAttrsOf (types.nullOr types.int)) [ { a = mkIf false 1; } ]) { a = null; };
  lazyAttrsOfRefersToItself = gives (config [
    (declare (types.lazyAttrsOf types.int))
    ({ config, ... }: { x = { a = 1; b = config.x.a + 1; }; })
  ]).x { a = 1; b = 2; };

  uniq = gives (merge (types.uniq types.int) [ 1 ]) 1;
  uniqRefusesEqual = refuses (types.uniq types.int) [ 1 1 ];
  uniqueSaysWhy = throws [ "only one, please" ] (merge (types.unique { message = "only one, please"; } types.int) [ 1 1 ]);

  functionTo = gives (merge (types.functionTo (types.listOf types.int)) [ (n: [ n ]) (n: [ (n + 1) ]) ] 1) [ 2 1 ];
  functionToRefusesResult = throws [ "x.<function body>" ] (merge (types.functionTo types.int) [ (_: "a") ] 1);

  coercedTo = gives (map (x: merge (types.coercedTo types.int toString types.str) [ x ]) [ 1 "a" ]) [ "1" "a" ];
  coercedToMerges = gives (merge (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ "b" [ "a" ] ]) [ "a" "b" ];
  coercedToRefuses = refuses (types.coercedTo types.int toString types.str) [ true ];

  addCheck = gives (takes (types.addCheck types.int (x: x / 2 * 2 == x)) [ 1 2 "a" ]) [ false true false ];
  ownType = gives (merge (types.mkOptionType {
    name = "sum";
    check = builtins.isInt;
    merge = _: defs: builtins.foldl' (sum: def: sum + def.value) 0 defs;
  }) [ 1 2 3 ]) 6;
  optionType = gives (merge types.optionType [ (types.listOf types.int) ]).description "list of signed integer";
  deferredModule = gives (config [
    { options.x = mkOption { type = types.deferredModule; }; options.y = mkOption { type = types.int; }; }
    { x = { options.z = mkOption { type = types.int; }; }; }
    ({ config, ... }: { y = (lib.evalModules { modules = [ config.x { z = 7; } ]; }).config.z; })
  ]).y 7;

  descriptions = gives (map description [
    (types.listOf types.str)
    (types.nullOr (types.listOf types.int))
    (types.attrsOf (types.nullOr types.str))
    (types.either types.int (types.listOf types.str))
    (types.enum [ "a" 1 true ])
    types.port
    (types.listOf types.ints.positive)
    (types.coercedTo types.int toString types.str)
    (types.attrsOf (types.submodule { }))
    (types.functionTo types.int)
    types.lines
    types.path
  ]) [
    "list of string"
    "null or (list of signed integer)"
    "attribute set of (null or string)"
    "signed integer or list of string"
    ''one of "a", 1, true''
    "16 bit unsigned integer; between 0 and 65535 (both inclusive)"
    "list of (positive integer, meaning >0)"
    "string or signed integer convertible to it"
    "attribute set of (submodule)"
    "function that evaluates to a(n) signed integer"
    "strings concatenated with \"\\n\""
    "absolute path"
  ];
}
