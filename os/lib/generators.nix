# From values to text: Nix, key=value, INI.
{ lib }:
let
  inherit (builtins)
    concatStringsSep functionArgs isAttrs isFloat isFunction isInt isList isString length mapAttrs typeOf;
  inherit (lib)
    concatMapStringsSep concatStrings escape isDerivation mapAttrsToList;
  inherit (lib.strings) escapeNixIdentifier;
in
rec {
  toJSON = _: builtins.toJSON;

  # === key=value ===

  mkValueStringDefault = _: value:
    if isInt value then toString value
    else if isDerivation value || isString value then toString value
    else if value == true then "true"
    else if value == false then "false"
    else if value == null then "null"
    else if isFloat value then builtins.toJSON value
    else if typeOf value == "path" then toString value
    else throw "generators: there is no text for a ${typeOf value}";

  mkKeyValueDefault = { mkValueString ? mkValueStringDefault { } }: sep: key: value:
    "${escape [ sep ] key}${sep}${mkValueString value}";

  # One line a key; with listsAsDuplicateKeys one line an element.
  toKeyValue = {
    mkKeyValue ? mkKeyValueDefault { } "=", listsAsDuplicateKeys ? false, indent ? ""
  }: set: let
    line = key: value: "${indent}${mkKeyValue key value}\n";
    lines = key: value:
      if listsAsDuplicateKeys && isList value then concatStrings (map (line key) value) else line key value;
  in concatStrings (mapAttrsToList lines set);

  toINI = {
    mkSectionName ? escape [ "[" "]" ], mkKeyValue ? mkKeyValueDefault { } "=", listsAsDuplicateKeys ? false
  }: sections:
    concatStringsSep "\n" (mapAttrsToList (name: set:
      "[${mkSectionName name}]\n" + toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } set
    ) sections);

  # === Nix ===

  # The value, cut off below a depth.
  withRecursion = { depthLimit, throwOnDepthLimit ? true }: let
    cut = depth: value:
      if depth > depthLimit then
        if throwOnDepthLimit
        then throw "generators.withRecursion: deeper than ${toString depthLimit}"
        else "<unevaluated>"
      else if isDerivation value || value ? __pretty || value ? __functor then value
      else if isAttrs value then mapAttrs (_: cut (depth + 1)) value
      else if isList value then map (cut (depth + 1)) value
      else value;
  in cut 0;

  # As it would be written in Nix.
  toPretty = { multiline ? true, allowPrettyValues ? false, indent ? "" }: let
    go = margin: value: let
      inner = if multiline then "\n${margin}  " else " ";
      end = if multiline then "\n${margin}" else " ";
      deeper = go (margin + "  ");
      attr = name: v: "${escapeNixIdentifier name} = ${deeper v};";
    in
      if isInt value then toString value
      else if isFloat value then "~${toString value}"
      else if isString value then string margin value
      else if value == true then "true"
      else if value == false then "false"
      else if value == null then "null"
      else if typeOf value == "path" then toString value
      else if isList value then
        if value == [ ] then "[ ]" else "[${inner}${concatMapStringsSep inner deeper value}${end}]"
      else if isFunction value then
        if functionArgs value == { } then "<function>"
        else "<function, args: {${concatStringsSep ", " (mapAttrsToList (n: opt: if opt then "${n}?" else n) (functionArgs value))}}>"
      else if value ? __pretty && allowPrettyValues then value.__pretty value.val
      else if value == { } then "{ }"
      else if isDerivation value then "<derivation ${value.name or "???"}>"
      else "{${inner}${concatStringsSep inner (mapAttrsToList attr value)}${end}}";

    string = margin: value: let
      lines = lib.splitString "\n" value;
      body = concatMapStringsSep "\n${margin}  " (lib.replaceStrings [ "\${" "''" ] [ "''\${" "'''" ]) lines;
    in
      if multiline && length lines > 1
      then "''\n${margin}  ${if lib.last lines == "" then lib.removeSuffix "  " body else body}''"
      else "\"${lib.replaceStrings [ "\\" "\"" "\n" "\${" ] [ "\\\\" "\\\"" "\\n" "\\\${" ] value}\"";
  in go indent;
}
