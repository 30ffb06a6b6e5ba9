# Types without inner types.
{ lib }:
let
  inherit (builtins)
    all concatStringsSep elem foldl' head isAttrs isBool isFloat isInt isPath isString length match substring
    toJSON typeOf;
  inherit (lib)
    boolToString getValues isDerivation isStringLike mergeEqualOption mergeOneOption showOption;
  inherit (lib.options) showDefs;
  inherit (lib.types)
    addCheck anything attrsOf defaultFunctor either enum float int mkOptionType optionDescriptionPhrase
    pathWith separatedString str strMatching;

  # Most simple types: a noun, all definitions must be equal.
  noun = name: description: check: mkOptionType {
    inherit name description check;
    descriptionClass = "noun";
    merge = mergeEqualOption;
  };

  # An int or number with a test, and a description that ends in a clause.
  restricted = type: name: description: test:
    addCheck type test // { inherit name description; descriptionClass = "nonRestrictiveClause"; };

  between = name: description: type: low: high:
    assert lib.assertMsg (low <= high) "${name}: ${toJSON low} is more than ${toJSON high}";
    addCheck type (x: x >= low && x <= high) // {
      inherit name;
      description = "${description} between ${toJSON low} and ${toJSON high} (both inclusive)";
    };
  # Inside an object of the store; the store directory itself is not accepted.
  isInStore = path: let
    object = "${lib.escapeRegex builtins.storeDir}/[0-9a-df-np-sv-z]{32}-[^/]+(/.*)?";
  in match object path != null;
in
{
  # === anything goes ===

  # A single definition of any value, which is not inspected.
  raw = mkOptionType {
    name = "raw";
    description = "raw value";
    descriptionClass = "noun";
    merge = mergeOneOption;
  };

  optionType = mkOptionType {
    name = "optionType";
    description = "optionType";
    descriptionClass = "noun";
    check = x: x._type or null == "option-type";
    merge = loc: defs: foldl' (type: def: type.typeMerge def.value.functor) (head defs).value (builtins.tail defs);
  };

  unspecified = mkOptionType {
    name = "unspecified";
    description = "unspecified value";
    descriptionClass = "noun";
  };

  # Any value; sets are merged recursively, other values must be equal.
  anything = mkOptionType {
    name = "anything";
    description = "anything";
    descriptionClass = "noun";
    merge = loc: defs: let
      kindOf = value: if isAttrs value && isStringLike value then "string-like set" else typeOf value;
      kind = kindOf (head defs).value;
    in
      if !all (def: kindOf def.value == kind) defs then
        throw "the option `${showOption loc}' has definitions of different types:${showDefs defs}"
      else if kind == "set" then (attrsOf anything).merge loc defs
      else if kind == "string-like set" then mergeOneOption loc defs
      else if kind == "lambda" then
        arg: anything.merge (loc ++ [ "<function body>" ]) (map (def: def // { value = def.value arg; }) defs)
      else mergeEqualOption loc defs;
  };

  attrs = mkOptionType {
    name = "attrs";
    description = "attribute set";
    check = isAttrs;
    merge = _: foldl' (all: def: all // def.value) { };
    emptyValue = { value = { }; };
  };

  # Values that file formats can represent.
  serializableValueWith = { typeName, nullable ? true }: let
    plain = with lib.types; oneOf [ bool int float str path (attrsOf value) (listOf value) ];
    value = (if nullable then lib.types.nullOr plain else plain) // { description = "${typeName} value"; };
  in value;
  json = lib.types.serializableValueWith { typeName = "JSON"; };
  toml = lib.types.serializableValueWith { typeName = "TOML"; nullable = false; };

  # === booleans and numbers ===

  bool = noun "bool" "boolean" isBool;
  boolByOr = noun "boolByOr" "boolean (merged using or)" isBool // {
    merge = _: builtins.any (def: def.value);
  };

  int = noun "int" "signed integer" isInt;
  float = noun "float" "floating point number" isFloat;
  number = either int float;

  ints = let
    unsigned = bits: high: between "unsignedInt${bits}" "${bits} bit unsigned integer;" int 0 high;
    signed = bits: half: between "signedInt${bits}" "${bits} bit signed integer;" int (0 - half) (half - 1);
  in {
    between = between "intBetween" "integer" int;
    unsigned = restricted int "unsignedInt" "unsigned integer, meaning >=0" (x: x >= 0);
    positive = restricted int "positiveInt" "positive integer, meaning >0" (x: x > 0);
    u8 = unsigned "8" 255;
    u16 = unsigned "16" 65535;
    u32 = unsigned "32" 4294967295;
    s8 = signed "8" 128;
    s16 = signed "16" 32768;
    s32 = signed "32" 2147483648;
  };
  port = lib.types.ints.u16;

  numbers = {
    between = between "numberBetween" "integer or floating point number" lib.types.number;
    nonnegative = restricted lib.types.number "numberNonnegative"
      "nonnegative integer or floating point number, meaning >=0" (x: x >= 0);
    positive = restricted lib.types.number "numberPositive"
      "positive integer or floating point number, meaning >0" (x: x > 0);
  };

  # === strings ===

  str = noun "str" "string" isString;

  nonEmptyStr = noun "nonEmptyStr" "non-empty string" (x: isString x && match "[ \t\n]*" x == null);

  # Removes a newline at the end.
  singleLineStr = noun "singleLineStr" "(optionally newline-terminated) single-line string"
    (x: isString x && match "[^\n\r]*\n?" x != null) // {
      merge = loc: defs: lib.removeSuffix "\n" (mergeEqualOption loc defs);
    };

  strMatching = pattern: mkOptionType {
    name = "strMatching ${lib.strings.escapeNixString pattern}";
    description = "string matching the pattern ${pattern}";
    descriptionClass = "noun";
    check = x: isString x && match pattern x != null;
    merge = mergeEqualOption;
    functor = defaultFunctor "strMatching" // {
      type = payload: strMatching payload.pattern;
      payload = { inherit pattern; };
      binOp = a: b: if a == b then a else null;
    };
  };

  separatedString = sep: mkOptionType {
    name = "separatedString";
    description = "strings concatenated with ${toJSON sep}";
    descriptionClass = "noun";
    check = isString;
    merge = _: defs: concatStringsSep sep (getValues defs);
    functor = defaultFunctor "separatedString" // {
      type = payload: separatedString payload.sep;
      payload = { inherit sep; };
      binOp = a: b: if a == b then a else null;
    };
  };
  lines = separatedString "\n";
  commas = separatedString ",";
  envVar = separatedString ":";

  # A field of /etc/passwd.
  passwdEntry = type: addCheck type (x: !(lib.hasInfix ":" x || lib.hasInfix "\n" x)) // {
    name = "passwdEntry ${type.name}";
    description = "${optionDescriptionPhrase (class: class == "noun") type}, not containing newlines or colons";
    descriptionClass = "nonRestrictiveClause";
  };

  enum = values: let
    show = v: if isString v then "\"${v}\"" else if isInt v then toString v
      else if isBool v then boolToString v else "<${typeOf v}>";
  in mkOptionType {
    name = "enum";
    description =
      if values == [ ] then "impossible (empty enum)"
      else if length values == 1 then "value ${show (head values)} (singular enum)"
      else "one of ${lib.concatMapStringsSep ", " show values}";
    descriptionClass = if length values < 2 then "noun" else "conjunction";
    check = x: elem x values;
    merge = mergeEqualOption;
    functor = defaultFunctor "enum" // {
      type = payload: enum payload.values;
      payload = { inherit values; };
      binOp = a: b: { values = lib.unique (a.values ++ b.values); };
    };
  };

  # === files and packages ===

  path = pathWith { absolute = true; };
  externalPath = pathWith { absolute = true; inStore = false; };
  pathInStore = pathWith { inStore = true; };

  # A path or a string that contains one. Outside of the store only strings are accepted, because Nix could copy a
  # path into the store.
  pathWith = { inStore ? null, absolute ? null }: mkOptionType {
    name = "path";
    description = lib.optionalString (absolute != null) (if absolute then "absolute " else "relative ")
      + "path"
      + lib.optionalString (inStore != null) (if inStore then " in the Nix store" else " not in the Nix store");
    descriptionClass = "noun";
    check = x:
      (if inStore == false then isString x else isStringLike x)
      && (absolute == null || absolute == (substring 0 1 (toString x) == "/"))
      && (inStore == null || inStore == isInStore (toString x));
    merge = mergeEqualOption;
    functor = defaultFunctor "path" // {
      type = pathWith;
      payload = { inherit inStore absolute; };
      binOp = a: b: if a == b then a else null;
    };
  };

  package = mkOptionType {
    name = "package";
    descriptionClass = "noun";
    check = x: isDerivation x || lib.isStorePath x;
    merge = loc: defs: let
      value = mergeOneOption loc defs;
    in
      if isPath value || isString value && builtins.getContext value == { }
      then lib.toDerivation value else value;
  };
}
