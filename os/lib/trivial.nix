# Functions on functions, numbers and messages; builtins of Nix under their names in nixpkgs.
{ lib }:
let
  inherit (lib) concatStringsSep isFunction;
in
{
  inherit (builtins)
    add addErrorContext bitAnd bitOr bitXor ceil compareVersions deepSeq div floor fromJSON
    genericClosure hashString isBool isFloat isInt isPath lessThan mul pathExists readDir readFile seq sub
    tryEval typeOf unsafeGetAttrPos;

  id = x: x;
  const = x: _: x;
  flip = f: a: b: f b a;

  # pipe x [ f g ] is g (f x).
  pipe = builtins.foldl' (x: f: f x);

  # The fixed point of f.
  fix = f: let x = f x; in x;

  # === functions ===

  isFunction = f: builtins.isFunction f || f ? __functor && isFunction (f.__functor f);

  functionArgs = f:
    if f ? __functor
    then f.__functionArgs or (lib.functionArgs (f.__functor f))
    else builtins.functionArgs f;

  setFunctionArgs = f: args: { __functor = _: f; __functionArgs = args; };

  toFunction = x: if isFunction x then x else _: x;

  mapNullable = f: x: if x == null then null else f x;
  defaultTo = default: x: if x == null then default else x;
  concat = a: b: a ++ b;
  mergeAttrs = a: b: a // b;

  # === numbers and truth ===

  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = a: b: a - b * (a / b);
  compare = a: b: if a < b then -1 else if a > b then 1 else 0;

  and = a: b: a && b;
  or = a: b: a || b;
  xor = a: b: a != b;
  boolToString = b: if b then "true" else "false";
  boolToYesNo = b: if b then "yes" else "no";

  # === files ===

  importJSON = file: builtins.fromJSON (builtins.readFile file);
  importTOML = file: builtins.fromTOML (builtins.readFile file);

  # === messages ===

  warn = message: value: builtins.trace "warning: ${message}" value;
  warnIf = condition: message: if condition then lib.warn message else lib.id;
  warnIfNot = condition: lib.warnIf (!condition);
  info = message: value: builtins.trace "info: ${message}" value;
  showWarnings = warnings: value: builtins.foldl' (v: w: lib.warn w v) value warnings;

  throwIf = condition: message: if condition then throw message else lib.id;
  throwIfNot = condition: lib.throwIf (!condition);

  # Throws unless the value is one of the list; otherwise true, to be used in `assert`.
  checkListOfEnum = what: valid: given:
    let
      bad = lib.subtractLists valid given;
    in
    lib.throwIf (bad != [ ])
      "${what}: ${concatStringsSep ", " (map toString bad)} is none of ${concatStringsSep ", " (map toString valid)}";
}
