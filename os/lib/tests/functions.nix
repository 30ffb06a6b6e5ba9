# The functions beside the module system.
{ lib }:
let
  inherit (import ./cases.nix { inherit lib; }) gives throws;
  set = { a = 1; b = { c = 2; d = 3; }; };
in
{
  # === trivial ===

  id = gives (lib.id 1) 1;
  const = gives (lib.const 1 2) 1;
  flip = gives (lib.flip builtins.sub 1 3) 2;
  pipe = gives (lib.pipe 1 [ (x: x + 1) toString ]) "2";
  fix = gives (lib.fix (self: { a = 1; b = self.a + 1; })) { a = 1; b = 2; };
  numbers = gives [ (lib.min 1 2) (lib.max 1 2) (lib.mod 7 3) (lib.compare 1 2) ] [ 1 2 1 (-1) ];
  truth = gives [ (lib.boolToString true) (lib.boolToYesNo false) (lib.xor true false) ] [ "true" "no" true ];
  isFunction = gives (map lib.isFunction [ (x: x) { __functor = _: x: x; } 1 { } ]) [ true true false false ];
  functionArgs = gives (map lib.functionArgs [ ({ a, b ? 1 }: a) (lib.setFunctionArgs (x: x) { c = true; }) ]) [ { a = false; b = true; } { c = true; } ];
  nullable = gives [ (lib.mapNullable toString null) (lib.mapNullable toString 1) (lib.defaultTo 1 null) ] [ null "1" 1 ];
  warnIf = gives (lib.warnIf false "not shown" 1) 1;
  checkListOfEnum = throws [ "kinds" "c" ] (lib.checkListOfEnum "kinds" [ "a" ] [ "a" "c" ] 1);
  versions = gives [ (lib.versionOlder "1.9" "1.10") (lib.versionAtLeast "1.9" "1.10") (lib.versionAtLeast "2.3.9" "2.3") ] [ true false true ];
  versionParts = gives (with lib.versions; [ (major "2.3.9") (minor "2.3.9") (patch "2.3.9") (majorMinor "2.3.9") ]) [ "2" "3" "9" "2.3" ];

  # === lists ===

  optional = gives [ (lib.optional true 1) (lib.optional false 1) (lib.optionals true [ 1 ]) (lib.optionals false [ 1 ]) ] [ [ 1 ] [ ] [ 1 ] [ ] ];
  toList = gives [ (lib.toList 1) (lib.toList [ 1 ]) (lib.singleton [ 1 ]) ] [ [ 1 ] [ 1 ] [ [ 1 ] ] ];
  folds = gives [ (lib.foldl' (a: b: a + b) "" [ "a" "b" ]) (lib.foldl (a: b: a + b) "" [ "a" "b" ]) (lib.foldr (a: b: a + b) "" [ "a" "b" ]) (lib.foldr (a: b: a - b) 0 [ 3 2 ]) ] [ "ab" "ab" "ab" 1 ];
  count = gives (lib.count (x: x > 1) [ 1 2 3 ]) 2;
  find = gives [ (lib.findFirst (x: x > 1) null [ 1 2 3 ]) (lib.findFirst (x: x > 3) null [ 1 2 3 ]) (lib.findSingle (x: x > 2) 0 9 [ 1 2 3 ]) (lib.findSingle (x: x > 1) 0 9 [ 1 2 3 ]) ] [ 2 null 3 9 ];
  range = gives [ (lib.range 2 4) (lib.range 4 2) (lib.replicate 2 1) ] [ [ 2 3 4 ] [ ] [ 1 1 ] ];
  imap = gives [ (lib.imap0 (n: x: "${x}${toString n}") [ "a" "b" ]) (lib.imap1 (n: x: "${x}${toString n}") [ "a" "b" ]) ] [ [ "a0" "b1" ] [ "a1" "b2" ] ];
  zip = gives [ (lib.zipListsWith (a: b: a + b) [ 1 2 3 ] [ 10 20 ]) (lib.zipLists [ 1 ] [ 2 ]) ] [ [ 11 22 ] [ { fst = 1; snd = 2; } ] ];
  flatten = gives (lib.flatten [ 1 [ 2 [ 3 ] ] [ ] ]) [ 1 2 3 ];
  parts = gives [ (lib.take 2 [ 1 2 3 ]) (lib.drop 2 [ 1 2 3 ]) (lib.take 9 [ 1 ]) (lib.drop 9 [ 1 ]) (lib.sublist 1 1 [ 1 2 3 ]) (lib.takeEnd 1 [ 1 2 ]) (lib.dropEnd 1 [ 1 2 ]) ] [ [ 1 2 ] [ 3 ] [ 1 ] [ ] [ 2 ] [ 2 ] [ 1 ] ];
  ends = gives [ (lib.head [ 1 2 ]) (lib.tail [ 1 2 ]) (lib.init [ 1 2 ]) (lib.last [ 1 2 ]) ] [ 1 [ 2 ] [ 1 ] 2 ];
  lastOfNothing = throws [ "empty" ] (lib.last [ ]);
  commonPrefix = gives [ (lib.lists.commonPrefix [ 1 2 3 ] [ 1 2 4 ]) (lib.lists.commonPrefix [ 1 ] [ 1 2 ]) ] [ [ 1 2 ] [ 1 ] ];
  sets = gives [ (lib.unique [ 1 2 1 ]) (lib.remove 1 [ 1 2 1 ]) (lib.subtractLists [ 1 ] [ 1 2 ]) (lib.intersectLists [ 1 ] [ 1 2 ]) (lib.allUnique [ 1 1 ]) (lib.mutuallyExclusive [ 1 ] [ 2 ]) ] [ [ 1 2 ] [ 2 ] [ 2 ] [ 1 ] false true ];
  order = gives [ (lib.sort (a: b: a < b) [ 2 1 ]) (lib.sortOn (x: 0 - x) [ 1 2 ]) (lib.reverseList [ 1 2 ]) (lib.compareLists lib.compare [ 1 2 ] [ 1 3 ]) ] [ [ 1 2 ] [ 2 1 ] [ 2 1 ] (-1) ];
  groups = gives [ (lib.groupBy (x: if x > 1 then "big" else "small") [ 1 2 3 ]) (lib.partition (x: x > 1) [ 1 2 ]) (lib.groupBy' builtins.add 0 (x: if x > 1 then "big" else "small") [ 1 2 3 ]) ] [ { big = [ 2 3 ]; small = [ 1 ]; } { right = [ 2 ]; wrong = [ 1 ]; } { big = 5; small = 1; } ];
  toposort = gives (lib.toposort (a: b: lib.elem a.name b.after) [
    { name = "c"; after = [ "b" ]; }
    { name = "x"; after = [ ]; }
    { name = "b"; after = [ "a" ]; }
    { name = "a"; after = [ ]; }
  ]).result [ { name = "a"; after = [ ]; } { name = "b"; after = [ "a" ]; } { name = "c"; after = [ "b" ]; } { name = "x"; after = [ ]; } ];
  toposortOfPaths = gives (lib.toposort lib.hasPrefix [ "/home/user" "other" "/" "/home" ]) { result = [ "/" "/home" "/home/user" "other" ]; };
  toposortCycle = gives (lib.toposort lib.hasPrefix [ "/home/user" "/home" "/" "/" ]) { cycle = [ "/home/user" "/home" "/" "/" ]; loops = [ "/" ]; };
  toposortOfNothing = gives (lib.toposort (_: _: true) [ ]) { result = [ ]; };

  # === sets ===

  attrByPath = gives [ (lib.attrByPath [ "b" "c" ] 0 set) (lib.attrByPath [ "b" "x" ] 0 set) (lib.attrByPath [ "a" "x" ] 0 set) (lib.attrByPath [ ] 0 1) ] [ 2 0 0 1 ];
  hasAttrByPath = gives (map (path: lib.hasAttrByPath path set) [ [ "b" "c" ] [ "a" "c" ] [ ] ]) [ true false true ];
  getAttrFromPath = gives (lib.getAttrFromPath [ "b" "c" ] set) 2;
  getAttrFromPathMissing = throws [ "b.x" ] (lib.getAttrFromPath [ "b" "x" ] set);
  setAttrByPath = gives (lib.setAttrByPath [ "a" "b" ] 1) { a.b = 1; };
  mapping = gives [ (lib.mapAttrs (n: v: n + v) { a = "x"; }) (lib.mapAttrs' (n: v: lib.nameValuePair v n) { a = "x"; }) (lib.mapAttrsToList (n: v: n + v) { a = "x"; }) (lib.concatMapAttrs (n: v: { ${n + "1"} = v; ${n + "2"} = v; }) { a = 1; }) ] [ { a = "ax"; } { x = "a"; } [ "ax" ] { a1 = 1; a2 = 1; } ];
  filterAttrs = gives [ (lib.filterAttrs (n: v: v > 1) { a = 1; b = 2; }) (lib.filterAttrsRecursive (n: v: n != "c") set) ] [ { b = 2; } { a = 1; b.d = 3; } ];
  makeAttrs = gives [ (lib.genAttrs [ "a" "b" ] (n: n)) (lib.optionalAttrs false { a = 1; }) (lib.getAttrs [ "a" ] set) (lib.attrVals [ "a" ] set) (lib.attrsToList { a = 1; }) ] [ { a = "a"; b = "b"; } { } { a = 1; } [ 1 ] [ { name = "a"; value = 1; } ] ];
  foldAttrs = gives [ (lib.foldlAttrs (acc: n: v: acc + n + v) "" { a = "1"; b = "2"; }) (lib.foldAttrs (a: b: [ a ] ++ b) [ ] [ { a = 1; } { a = 2; } ]) ] [ "a1b2" { a = [ 1 2 ]; } ];
  recursiveUpdate = gives (lib.recursiveUpdate set { b.c = 9; e = 1; }) { a = 1; b = { c = 9; d = 3; }; e = 1; };
  recursiveUpdateUntil = gives (lib.recursiveUpdateUntil (path: a: b: path == [ "a" ]) { a.x = 1; b.x = 1; } { a.y = 1; b.y = 1; }) { a.y = 1; b = { x = 1; y = 1; }; };
  joining = gives [ (lib.zipAttrs [ { a = 1; } { a = 2; b = 3; } ]) (lib.zipAttrsWith (n: lib.last) [ { a = 1; } { a = 2; } ]) (lib.mergeAttrsList [ { a = 1; } { a = 2; b = 3; } ]) (lib.overrideExisting { a = 1; } { a = 2; b = 3; }) ] [ { a = [ 1 2 ]; b = [ 3 ]; } { a = 2; } { a = 2; b = 3; } { a = 2; } ];
  cartesianProduct = gives (lib.cartesianProduct { a = [ 1 2 ]; b = [ 3 4 ]; }) [ { a = 1; b = 3; } { a = 1; b = 4; } { a = 2; b = 3; } { a = 2; b = 4; } ];
  recursiveMaps = gives [ (lib.mapAttrsRecursive (path: v: lib.concatStringsSep "." path) set) (lib.mapAttrsRecursiveCond (as: !(as ? c)) (path: v: lib.isAttrs v) set) ] [ { a = "a"; b = { c = "b.c"; d = "b.d"; }; } { a = false; b = true; } ];
  collect = gives (lib.collect lib.isInt set) [ 1 2 3 ];
  matchAttrs = gives [ (lib.matchAttrs { b.c = 2; } set) (lib.matchAttrs { b.c = 3; } set) ] [ true false ];
  isDerivation = gives (map lib.isDerivation [ { type = "derivation"; } { } 1 ]) [ true false false ];

  # === strings ===

  concat = gives [ (lib.concatStrings [ "a" "b" ]) (lib.concatMapStrings toString [ 1 2 ]) (lib.concatMapStringsSep "," toString [ 1 2 ]) (lib.concatImapStringsSep "," (n: x: "${toString n}${x}") [ "a" "b" ]) (lib.concatLines [ "a" "b" ]) (lib.concatMapAttrsStringSep "," (n: v: n + v) { a = "1"; b = "2"; }) (lib.concatStrings (lib.intersperse "-" [ "a" "b" "c" ])) ] [ "ab" "12" "1,2" "1a,2b" "a\nb\n" "a1,b2" "a-b-c" ];
  optionalString = gives [ (lib.optionalString true "a") (lib.optionalString false "a") ] [ "a" "" ];
  ask = gives [ (lib.hasPrefix "a" "ab") (lib.hasSuffix "b" "ab") (lib.hasInfix "b" "abc") (lib.hasInfix ".*" "abc") (lib.hasPrefix "abc" "ab") (lib.hasSuffix "abc" "ab") (lib.hasInfix "" "a") ] [ true true true false false false true ];
  remove = gives [ (lib.removePrefix "a" "ab") (lib.removePrefix "x" "ab") (lib.removeSuffix "b" "ab") (lib.removeSuffix "abc" "ab") ] [ "b" "ab" "a" "ab" ];
  splitString = gives [ (lib.splitString "." "a.b..c") (lib.splitString "." "") (lib.splitString "--" "a--b") ] [ [ "a" "b" "" "c" ] [ "" ] [ "a" "b" ] ];
  trim = gives [ (lib.trim " \n a b\t ") (lib.trim " ") (lib.trimWith { end = true; } " a ") (lib.stringLength (lib.trim (lib.concatStrings (lib.replicate 20000 "long ")))) ] [ "a b" "" " a" 99999 ];
  cases = gives [ (lib.toUpper "aZ1") (lib.toLower "aZ1") (lib.toSentenceCase "hello World") ] [ "AZ1" "az1" "Hello world" ];
  fixedWidth = gives [ (lib.fixedWidthString 5 "0" "42") (lib.fixedWidthNumber 3 7) ] [ "00042" "007" ];
  fixedWidthTooLong = throws [ "longer" ] (lib.fixedWidthString 1 "0" "42");
  escapeShellArg = gives (map lib.escapeShellArg [ "a-b/c.d" "a b" "it's" "" "$x" 1 ]) [ "a-b/c.d" "'a b'" "'it'\\''s'" "''" "'$x'" "1" ];
  escapeShellArgs = gives (lib.escapeShellArgs [ "a" "b c" ]) "a 'b c'";
  toShellVars = gives (lib.toShellVars { a = "x y"; b = [ 1 "z z" ]; c = { k = "v"; }; }) "a='x y'\ndeclare -a b=(1 'z z')\ndeclare -A c=([k]=v)";
  toShellVarBadName = throws [ "a-b" ] (lib.toShellVar "a-b" 1);
  escapes = gives [ (lib.escape [ "a" ] "abc") (lib.escapeRegex "a.b*") (lib.escapeXML "<a&\"'>") (lib.strings.escapeNixString "a\"\${b}\n") ] [ "\\abc" "a\\.b\\*" "&lt;a&amp;&quot;&apos;&gt;" "\"a\\\"\\\${b}\\n\"" ];
  escapeNixIdentifier = gives (map lib.strings.escapeNixIdentifier [ "a-b" "a.b" "if" "1a" "_x'" ]) [ "a-b" "\"a.b\"" "\"if\"" "\"1a\"" "_x'" ];
  toInt = gives (map lib.toInt [ "0" "42" " -7 " ]) [ 0 42 (-7) ];
  toIntBase10 = gives (map lib.toIntBase10 [ "007" "-10" ]) [ 7 (-10) ];
  toIntRefusesText = throws [ "4x" ] (lib.toInt "4x");
  toIntRefusesLeadingZeros = throws [ "007" ] (lib.toInt "007");
  characters = gives [ (lib.stringToCharacters "abc") (lib.strings.replicate 2 "ab") ] [ [ "a" "b" "c" ] "abab" ];
  levenshtein = gives (map (lib.strings.levenshtein "kitten") [ "kitten" "sitting" "" "kit" ]) [ 0 3 6 3 ];
  fileContents = gives (lib.fileContents ./fixtures/missing-import.nix) "{ imports = [ ./does-not-exist.nix ]; }";
  makeBinPath = gives (lib.makeBinPath [ "/a" "/b" ]) "/a/bin:/b/bin";
  isStringLike = gives (map lib.isStringLike [ "a" ./. { outPath = "/a"; } 1 { } ]) [ true true true false false ];

  # === generators, options ===

  toKeyValue = gives (lib.generators.toKeyValue { } { a = 1; b = true; c = "x"; }) "a=1\nb=true\nc=x\n";
  toKeyValueDuplicates = gives (lib.generators.toKeyValue { listsAsDuplicateKeys = true; } { a = [ 1 2 ]; }) "a=1\na=2\n";
  toKeyValueOwnSeparator = gives (lib.generators.toKeyValue { mkKeyValue = lib.generators.mkKeyValueDefault { } " "; } { Port = 22; }) "Port 22\n";
  toINI = gives (lib.generators.toINI { } { a.x = 1; b.y = 2; }) "[a]\nx=1\n\n[b]\ny=2\n";
  toPretty = gives (lib.generators.toPretty { } { a = 1; b = [ true null ]; c = { }; d = "x\ny"; e = [ ]; }) ''
    {
      a = 1;
      b = [
        true
        null
      ];
      c = { };
      d = '''
        x
        y''';
      e = [ ];
    }'';
  toPrettyLine = gives (lib.generators.toPretty { multiline = false; } { a = [ 1 "b\n" ]; f = x: x; "g.h" = { i, j ? 1 }: i; }) ''{ a = [ 1 "b\n" ]; f = <function>; "g.h" = <function, args: {i, j?}>; }'';
  showOption = gives (map lib.showOption [ [ "a" "b" ] [ "a" "b.c" ] [ "a" "<name>" "b" ] [ "a" "*" ] ]) [ "a.b" ''a."b.c"'' "a.<name>.b" "a.*" ];
  literalExpression = gives (lib.literalExpression "a") { _type = "literalExpression"; text = "a"; };
}
