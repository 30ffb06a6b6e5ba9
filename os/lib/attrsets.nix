# Functions on attribute sets.
{ lib }:
let
  inherit (builtins)
    all attrNames attrValues concatLists concatMap elemAt filter foldl' getAttr hasAttr head intersectAttrs
    isAttrs length listToAttrs mapAttrs removeAttrs tail zipAttrsWith;
  inherit (lib) filterAttrs mapAttrsToList nameValuePair recursiveUpdateUntil;
in
{
  inherit (builtins)
    attrNames attrValues catAttrs getAttr hasAttr intersectAttrs isAttrs listToAttrs mapAttrs
    removeAttrs zipAttrsWith;

  optionalAttrs = condition: set: if condition then set else { };

  # === paths of names ===

  attrByPath = path: default: set: let
    at = n: here:
      if n == length path then here
      else if here ? ${elemAt path n} then at (n + 1) here.${elemAt path n}
      else default;
  in at 0 set;

  hasAttrByPath = path: set: let
    at = n: here:
      n == length path || (here ? ${elemAt path n} && at (n + 1) here.${elemAt path n});
  in at 0 set;

  getAttrFromPath = path: set:
    lib.attrByPath path (throw "there is no attribute `${lib.showOption path}'") set;

  setAttrByPath = path: value: let
    at = n: if n == length path then value else { ${elemAt path n} = at (n + 1); };
  in at 0;

  # === from and to lists ===

  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: lib.genAttrs' names (name: nameValuePair name (f name));
  genAttrs' = list: f: listToAttrs (map f list);
  attrsToList = mapAttrsToList nameValuePair;
  attrVals = names: set: map (name: set.${name}) names;
  getAttrs = names: set: lib.genAttrs names (name: set.${name});

  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  concatMapAttrs = f: set: lib.mergeAttrsList (mapAttrsToList f set);
  mapCartesianProduct = f: sets: map f (lib.cartesianProduct sets);

  # Of { a = [ 1 2 ]; b = [ 3 ]; }: [ { a = 1; b = 3; } { a = 2; b = 3; } ].
  cartesianProduct = sets:
    foldl' (made: name: concatMap (one: map (value: one // { ${name} = value; }) sets.${name}) made)
      [ { } ] (attrNames sets);

  # === filtering, folding ===

  filterAttrs = test: set: removeAttrs set (filter (name: !test name set.${name}) (attrNames set));

  filterAttrsRecursive = test: set:
    mapAttrs (_: v: if isAttrs v then lib.filterAttrsRecursive test v else v) (filterAttrs test set);

  foldlAttrs = f: start: set: foldl' (acc: name: f acc name set.${name}) start (attrNames set);

  foldAttrs = f: end: sets: zipAttrsWith (_: lib.foldr f end) sets;

  # All values below for which the test holds.
  collect = test: set:
    if test set then [ set ]
    else if isAttrs set then concatMap (lib.collect test) (attrValues set)
    else [ ];

  mapAttrsRecursive = lib.mapAttrsRecursiveCond (_: true);

  # Maps leaves, with their path; enters a set only where `enter` says so.
  mapAttrsRecursiveCond = enter: f: set: let
    go = path: mapAttrs (name: value: let
      here = path ++ [ name ];
    in if isAttrs value && enter value then go here value else f here value);
  in go [ ] set;

  # === joining ===

  zipAttrs = zipAttrsWith (_: values: values);
  zipAttrsWithNames = names: f: sets:
    lib.genAttrs names (name: f name (builtins.catAttrs name sets));

  mergeAttrsList = sets: zipAttrsWith (_: lib.last) sets;

  recursiveUpdateUntil = stop: a: b: let
    go = path: zipAttrsWith (name: values: let
      here = path ++ [ name ];
    in
      if length values == 1 || stop here (elemAt values 1) (head values) then head values
      else go here values);
  in go [ ] [ b a ];

  recursiveUpdate = recursiveUpdateUntil (_: a: b: !(isAttrs a && isAttrs b));

  overrideExisting = old: new: old // intersectAttrs old new;

  unionOfDisjoint = a: b: let
    both = attrNames (intersectAttrs a b);
  in
    if both == [ ] then a // b
    else mapAttrs (_: v: v) (a // b) // lib.genAttrs both
      (name: throw "unionOfDisjoint: both sets have `${name}'");

  matchAttrs = pattern: set:
    all (name: set ? ${name} && (
      if isAttrs pattern.${name} && isAttrs set.${name} then lib.matchAttrs pattern.${name} set.${name}
      else pattern.${name} == set.${name}
    )) (attrNames pattern);

  # === packages ===

  isDerivation = x: x.type or null == "derivation";

  # A store path as something that can be used like a derivation.
  toDerivation = path: let
    stored = builtins.storePath path;
  in {
    type = "derivation";
    name = builtins.unsafeDiscardStringContext (builtins.substring 33 (-1) (baseNameOf stored));
    outPath = stored;
    outputs = [ "out" ];
    out = lib.toDerivation path;
    outputName = "out";
  };

  getOutput = output: package:
    if package.outputSpecified or false then package else package.${output} or package.out or package;
  getBin = lib.getOutput "bin";
  getLib = lib.getOutput "lib";
}
