# Functions on strings.
{ lib }:
let
  inherit (builtins)
    concatMap concatStringsSep elem elemAt filter genList head isAttrs isInt isList isPath isString length
    match replaceStrings stringLength substring;
  inherit (lib) escape fixedWidthString hasPrefix hasSuffix imap1 mapAttrsToList stringToCharacters;

  lowerCase = stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upperCase = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  isSpace = c: elem c [ " " "\t" "\n" "\r" ];

  # Decimal digits as an int; null for any other string (surrounding spaces are allowed).
  parseInt = string: let
    digits = match "[[:space:]]*(-?)0*([0-9]+)[[:space:]]*" string;
  in if digits == null then null else builtins.fromJSON (head digits + elemAt digits 1);
in
{
  inherit (builtins)
    concatStringsSep isString match replaceStrings split storeDir stringLength substring toJSON
    unsafeDiscardStringContext;

  optionalString = condition: string: if condition then string else "";

  # === joining ===

  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStringsSep "" (map f list);
  concatImapStrings = f: list: concatStringsSep "" (imap1 f list);
  concatMapStringsSep = sep: f: list: concatStringsSep sep (map f list);
  concatImapStringsSep = sep: f: list: concatStringsSep sep (imap1 f list);
  concatMapAttrsStringSep = sep: f: set: concatStringsSep sep (mapAttrsToList f set);
  concatLines = lib.concatMapStrings (line: line + "\n");
  join = concatStringsSep;
  replicate = n: string: concatStringsSep "" (genList (_: string) n);
  intersperse = sep: list:
    if list == [ ] then [ ]
    else [ (head list) ] ++ concatMap (x: [ sep x ]) (builtins.tail list);

  makeSearchPath = directory: packages: lib.concatMapStringsSep ":" (p: "${p}/${directory}") (filter (p: p != null) packages);
  makeBinPath = packages: lib.makeSearchPath "bin" (map lib.getBin packages);
  makeLibraryPath = packages: lib.makeSearchPath "lib" (map lib.getLib packages);

  # === predicates ===

  hasPrefix = prefix: string: substring 0 (stringLength prefix) string == prefix;
  hasSuffix = suffix: string: let
    start = stringLength string - stringLength suffix;
  in start >= 0 && substring start (-1) string == suffix;
  # Not `match`: its regular expressions overflow the stack on long strings.
  hasInfix = infix: string: infix == "" || replaceStrings [ infix ] [ "" ] string != string;

  isStringLike = x: isString x || isPath x || x ? outPath || x ? __toString;
  isConvertibleWithToString = x:
    lib.isStringLike x || x == null || elem (builtins.typeOf x) [ "int" "float" "bool" ]
    || (isList x && builtins.all lib.strings.isConvertibleWithToString x);
  isStorePath = x:
    lib.isStringLike x && (let
      path = toString x;
    in hasPrefix "/" path && builtins.dirOf path == builtins.storeDir);
  isValidPosixName = name: match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;

  # Levenshtein distance of two strings.
  levenshtein = a: b: let
    to = stringToCharacters b;
    # One line of the table: from the costs of the prefix of `a` that is one character shorter.
    next = above: c: builtins.foldl' (line: n: line ++ [
      (lib.min (lib.min (elemAt line n + 1) (elemAt above (n + 1) + 1))
        (elemAt above n + (if elemAt to n == c then 0 else 1)))
    ]) [ (head above + 1) ] (genList lib.id (length to));
  in lib.last (builtins.foldl' next (genList lib.id (length to + 1)) (stringToCharacters a));

  # === parts ===

  stringToCharacters = string: genList (n: substring n 1 string) (stringLength string);

  splitString = sep: string:
    filter isString (builtins.split (lib.escapeRegex (toString sep)) (toString string));

  removePrefix = prefix: string:
    if hasPrefix prefix string then substring (stringLength prefix) (-1) string else string;
  removeSuffix = suffix: string:
    if hasSuffix suffix string then substring 0 (stringLength string - stringLength suffix) string else string;

  trim = lib.trimWith { start = true; end = true; };
  trimWith = { start ? false, end ? false }: string: let
    size = stringLength string;
    first = n: if start && n < size && isSpace (substring n 1 string) then first (n + 1) else n;
    behind = n: if end && n > from && isSpace (substring (n - 1) 1 string) then behind (n - 1) else n;
    from = first 0;
  in substring from (behind size - from) string;

  fileContents = file: lib.removeSuffix "\n" (builtins.readFile file);

  # === changing ===

  toLower = replaceStrings upperCase lowerCase;
  toUpper = replaceStrings lowerCase upperCase;
  toSentenceCase = string:
    lib.toUpper (substring 0 1 string) + lib.toLower (substring 1 (-1) string);

  fixedWidthString = width: filler: string:
    if stringLength string > width
    then throw "fixedWidthString: `${string}' is longer than ${toString width} characters"
    else lib.strings.replicate ((width - stringLength string) / stringLength filler) filler + string;
  fixedWidthNumber = width: number: fixedWidthString width "0" (toString number);

  # === quoting ===

  escape = characters: replaceStrings characters (map (c: "\\" + c) characters);
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");

  # A string as one word of the shell; unquoted if it contains no special characters.
  escapeShellArg = arg: let
    string = toString arg;
  in
    if match "[[:alnum:],._+:@%/-]+" string != null then string
    else "'${replaceStrings [ "'" ] [ "'\\''" ] string}'";
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;

  toShellVar = name: value:
    lib.throwIfNot (lib.isValidPosixName name) "toShellVar: `${name}' is no name of a variable" (
      if isAttrs value && !lib.isStringLike value then
        "declare -A ${name}=(${lib.concatMapAttrsStringSep " " (key: v: "[${lib.escapeShellArg key}]=${lib.escapeShellArg v}") value})"
      else if isList value then "declare -a ${name}=(${lib.escapeShellArgs value})"
      else "${name}=${lib.escapeShellArg value}");
  toShellVars = lib.concatMapAttrsStringSep "\n" lib.toShellVar;

  escapeNixString = string: escape [ "$" ] (builtins.toJSON string);
  escapeNixIdentifier = name:
    if match "[a-zA-Z_][a-zA-Z0-9_'-]*" name != null && !elem name [
      "assert" "else" "if" "in" "inherit" "let" "or" "rec" "then" "with"
    ] then name else lib.strings.escapeNixString name;

  escapeXML = replaceStrings [ "\"" "'" "<" ">" "&" ] [ "&quot;" "&apos;" "&lt;" "&gt;" "&amp;" ];

  # === numbers ===

  # Rejects leading zeros, which look like octal numbers; toIntBase10 accepts them.
  toInt = string: let
    number = parseInt string;
  in
    if number == null then throw "toInt: ${builtins.toJSON string} is no whole number"
    else if match "[[:space:]]*-?0[0-9]+[[:space:]]*" string != null then
      throw "toInt: ${builtins.toJSON string} has leading zeros: octal or decimal? For decimal say toIntBase10"
    else number;
  toIntBase10 = string: let
    number = parseInt string;
  in if number == null then throw "toIntBase10: ${builtins.toJSON string} is no whole number" else number;

  # === versions ===

  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !lib.versionOlder a b;
}
