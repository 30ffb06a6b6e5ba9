# Messages for invalid configurations: the option, each file with its line, the reason, and what to do.
{ lib }:
let
  inherit (lib) mkIf mkOption types;
  inherit (import ./cases.nix { inherit lib; }) config declare merge throws;

  int = mkOption { type = types.int; };
  host = files: config ([ ./fixtures/host.nix ] ++ files);
in
{
  # === set twice ===

  conflictNamesBothFiles = throws [
    "`networking.hostName' has conflicting definitions"
    "fixtures/one.nix', line 2: \"one\""
    "fixtures/two.nix', line 2: \"two\""
    "mkForce"
  ] (host [ ./fixtures/one.nix ./fixtures/two.nix ]).networking.hostName;
  conflictInASubmodule = throws [
    "`services.web.port' has conflicting definitions"
    "fixtures/one.nix', line 3: 80"
    "fixtures/two.nix', line 3: 8080"
  ] (host [ ./fixtures/one.nix ./fixtures/two.nix ]).services.web.port;
  conflictLeavesOutOverriddenOnes = throws [ "in `b': 2\n" "in `c': 3\n" ] (config [
    (declare types.int)
    { _file = "a"; x = lib.mkDefault 1; }
    { _file = "b"; x = 2; }
    { _file = "c"; x = 3; }
  ]).x;
  nullAndNot = throws [ "`x' is defined both null and not null" "in `a': null" "in `b': 1" ]
    (config [ (declare (types.nullOr types.int)) { _file = "a"; x = null; } { _file = "b"; x = 1; } ]).x;
  packagesTwice = throws [ "`x' is defined more than once" "in `a': { a = 1; }" "in `b': { a = 1; }" "mkForce" ]
    (config [ (declare types.raw) { _file = "a"; x.a = 1; } { _file = "b"; x.a = 1; } ]).x;
  readOnlyTwice = throws [ "`x' is read-only" "in `a'" "in `b'" ] (config [
    { options.x = mkOption { type = types.int; readOnly = true; }; }
    { _file = "a"; x = 1; }
    { _file = "b"; x = 1; }
  ]).x;

  # === wrong type ===

  wrongType = throws [
    "`networking.hostName' takes a value of type `string'"
    "fixtures/wrong-type.nix', line 2: 12"
  ] (host [ ./fixtures/wrong-type.nix ]).networking.hostName;
  wrongTypeInASubmodule = throws [
    "`services.web.port' takes a value of type `16 bit unsigned integer; between 0 and 65535 (both inclusive)'"
    "fixtures/wrong-type.nix', line 5: \"80\""
  ] (host [ ./fixtures/wrong-type.nix ]).services.web.port;
  noneOfAnEnum = throws [ "`boot.kernel'" "one of \"amd64\", \"cloud-amd64\"" "in `a': \"arm64\"" ]
    (host [ { _file = "a"; boot.kernel = "arm64"; } ]).boot.kernel;
  onlyTheWrongOnesAreShown = throws [ "`x' takes" "in `b': \"2\"\n" ] (config [
    (declare types.int)
    { _file = "a"; x = 1; }
    { _file = "b"; x = "2"; }
  ]).x;
  wrongDefault = throws [ "`x' takes a value of type `signed integer'" "tests/errors.nix', line" ]
    (config [ { options.x = mkOption { type = types.int; default = "a"; }; } ]).x;
  elementOfAList = throws [ "`x.[definition 1-entry 2]' takes a value of type `signed integer'" "in `a': \"b\"" ]
    (config [ (declare (types.listOf types.int)) { _file = "a"; x = [ 1 "b" ]; } ]).x;
  longValuesAreCut = throws [ "..." ] (merge types.int [ (lib.concatStrings (lib.replicate 100 "long ")) ]);
  valuesThatFailAreNotShown = throws [ "`x' takes" "fails to evaluate" ] (merge types.int [ { a = throw "hidden"; } ]);
  valueInPlaceOfOptions = throws [ "`boot' holds options" "a string" "in `a': \"amd64\"" ]
    (host [ { _file = "a"; boot = "amd64"; } ]).boot.kernel;

  # === no such option ===

  unknown = throws [
    "`boot.kernl' does not exist"
    "fixtures/unknown.nix', line 4: \"amd64\""
    "Did you mean `boot.kernel'?"
  ] (host [ ./fixtures/unknown.nix ]).boot;
  unknownInASubmodule = throws [
    "`services.web.prot' does not exist"
    "fixtures/unknown-in-submodule.nix', line 4: 80"
    "Did you mean `services.web.port'?"
  ] (host [ ./fixtures/unknown-in-submodule.nix ]).services.web;
  unknownAtTheTop = throws [ "`network' does not exist" "in `a'" "Did you mean `networking'?" ]
    (host [ { _file = "a"; network.hostName = "one"; } ]).boot;
  unknownBelowAnUnknown = throws [ "`foo' does not exist" "in `a': { bar = { baz = 1; }; }" "There are `boot', `networking', `services'." ]
    (host [ { _file = "a"; foo.bar.baz = 1; } ]).boot;
  unknownTwice = throws [ "`boot.kernl' does not exist" "in `a': 1" "in `b': 2" ]
    (host [ { _file = "a"; boot.kernl = 1; } { _file = "b"; boot.kernl = 2; } ]).boot;
  severalUnknown = throws [ "and 1 more" ] (host [ { boot.kernl = 1; boot.image = 2; } ]).boot;
  unknownThoughItsConditionIsFalse = throws [ "`boot.kernl' does not exist" ] (host [ (mkIf false { boot.kernl = 1; }) ]).boot;
  declaredInConfig = throws [ "`x' does not exist" "declarations belong into `options'" ]
    (config [ { config.x = mkOption { }; } ]);
  nameToBeQuoted = throws [ "`boot.\"a.b\"' does not exist" ] (host [ { boot."a.b" = 1; } ]).boot;

  # === no value ===

  noValue = throws [ "`networking.hostName' is used, but has no value" "type `string'" ] (host [ ]).networking.hostName;
  noValueAsAConditionIsFalse = throws [ "`x' is used, but has no value" "condition that is false" "in `a'" ]
    (config [ (declare types.int) { _file = "a"; x = mkIf false 1; } ]).x;

  # === declarations ===

  declaredTwice = throws [ "`x' in `b'" "already declared in `a'" "another type: `string' here, `signed integer' there" ]
    (config [ { _file = "b"; options.x = mkOption { type = types.str; }; } { _file = "a"; options.x = int; } ]).x;
  describedTwice = throws [ "`x'" "already declared in `a'" "both have a description" ] (config [
    { _file = "b"; options.x = mkOption { description = "B"; }; }
    { _file = "a"; options.x = mkOption { description = "A"; }; }
  ]).x;
  optionInsideAnOption = throws [ "`x', declared in `a'" "cannot have options inside" "signed integer" "`x.y' in `b'" ]
    (config [ { _file = "a"; options.x = int; } { _file = "b"; options.x.y = int; } ]).x;
  typeWithoutMkOption = throws [ "`x' in `a'" "option-type" "lib.mkOption" ] (config [ { _file = "a"; options.x = types.int; } ]).x;
  valueInOptions = throws [ "in `a', `options.x' is a int" "belong into `config'" ]
    (config [ { _file = "a"; options.x = 1; } { options.x.y = int; } ]).x;

  # === modules ===

  missingImport = throws [ "fixtures/does-not-exist.nix' does not exist" "fixtures/missing-import.nix'" ] (host [ ./fixtures/missing-import.nix ]);
  configBesideOthers = throws [ "fixtures/mixed.nix', `networking' stands beside" ] (host [ ./fixtures/mixed.nix ]);
  numberAsModule = throws [ "in `a', a int is used as a module" ] (config [ { _file = "a"; imports = [ 1 ]; } ]);
  listAsModule = throws [ "in `a', imports has a list inside the list" ] (config [ { _file = "a"; imports = [ [ ] ]; } ]);
  configurationAsModule = throws [ "configuration" "import its modules" ] (config [ (lib.evalModules { modules = [ ]; }) ]);
  argumentNotSet = throws [ "takes an argument `pkgs', which is not set" "specialArgs" ] (config [ (declare types.int) ({ pkgs, ... }: { x = pkgs; }) ]).x;
  importsThatDependOnConfig = throws [ "infinite recursion" ] (config [
    (declare types.bool)
    ({ config, ... }: { imports = if config.x then [ ] else [ { } ]; })
  ]).x;

  # === assertions ===

  assertionsAllAtOnce = throws [ "cannot be built" "- a disk is needed" "- a name is needed" ] (let
    c = config [
      ../assertions.nix
      { assertions = [ { assertion = false; message = "a disk is needed"; } { assertion = true; message = "fine"; } ]; }
      { assertions = [ { assertion = 1 == 2; message = "a name is needed"; } ]; }
    ];
  in lib.asserts.checkAssertWarn c.assertions c.warnings "built");
  assertionsThatHold = { expr = lib.asserts.checkAssertWarn [ { assertion = true; message = "a"; } ] [ ] 1; expected = 1; };
  warningsAreShown = throws [ "warning: beware" "- no" ]
    (lib.asserts.checkAssertWarn [ { assertion = false; message = "no"; } ] [ "beware" ] 1);
  removedOption = throws [ "`old' is set in `a', but it was removed. Use new." ] (let
    c = config [ ../assertions.nix (lib.mkRemovedOptionModule [ "old" ] "Use new.") { _file = "a"; old = 1; } ];
  in lib.asserts.checkAssertWarn c.assertions c.warnings 1);
  removedOptionIsRead = throws [ "`old' is used, but it was removed. Use new." ]
    (config [ ../assertions.nix (lib.mkRemovedOptionModule [ "old" ] "Use new.") { old = 1; } ]).old;
  assertMsg = throws [ "not so" ] (assert lib.assertMsg false "not so"; 1);
  throwIf = throws [ "not so" ] (lib.throwIf true "not so" 1);
  throwIfNot = throws [ "not so" ] (lib.throwIfNot false "not so" 1);
}
