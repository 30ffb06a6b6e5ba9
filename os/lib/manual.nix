# The option manual: one page of Markdown, for mdBook, from the options of an evaluation.
#
#   import ./manual.nix { inherit (lib.evalModules { ... }) options; root = ../..; title = "Options"; }
#
# is a string, the same for the same options: ordered by name, `enable` first. Files are named relative to
# `root`, so that the page does not depend on the build directory. An option without a description, or with a
# default that cannot be shown, is an error.
{ options, lib ? import ./., root ? "/", title ? "Options", introduction ? "" }:
let
  inherit (builtins) concatStringsSep filter foldl' isString sort split tryEval;
  inherit (lib) concatMapStrings concatMapStringsSep hasInfix head optionalString replaceStrings showOption;

  relative = replaceStrings [ "${lib.removeSuffix "/" (toString root)}/" ] [ "" ];

  # === Markdown ===

  # Code in a line; with more backticks around than inside.
  code = text:
    if hasInfix "`" text then "`` ${text} ``" else "`${text}`";

  block = text: "\n\n  ```nix\n${concatMapStrings (line: "  ${line}\n") (lib.splitString "\n" text)}  ```";

  # `<` would begin HTML outside of code. The roles of nixpkgs' Markdown
  # (``{option}`x` ``) are dropped.
  prose = text: let
    step = done: part:
      if isString part then done // {
        text = done.text + (if done.fence == null then replaceStrings [ "<" ] [ "&lt;" ] part else part);
      }
      else let
        fence = head part;
      in {
        text = done.text + fence;
        fence = if done.fence == null then fence else if done.fence == fence then null else done.fence;
      };
    plain = replaceStrings (map (role: "{${role}}`") roles) (map (_: "`") roles) text;
    roles = [ "option" "file" "command" "env" "var" "manpage" ];
  in lib.trim (foldl' step { text = ""; fence = null; } (split "(`+)" plain)).text;

  # Short values in one line, where that changes nothing.
  oneLine = text: let
    joined = concatMapStringsSep " " lib.trim (lib.splitString "\n" text);
  in
    if builtins.stringLength joined > 70 || hasInfix "''" text || hasInfix "#" text then text else joined;

  # A value as code, or as the Markdown that was given in its place.
  value = option: what: shown: let
    text = oneLine (relative (lib.trim shown.text));
    tried = tryEval (builtins.deepSeq shown shown);
  in
    if !tried.success then throw
      "the ${what} of the option `${option.name}' cannot be shown in the manual: it fails, or depends on the configuration. Give ${what}Text = lib.literalExpression \"...\""
    else if shown._type == "literalMD" then " ${prose text}"
    else if hasInfix "\n" text then block text
    else " ${code text}";

  # === options ===

  documented = filter (option: option.visible && !option.internal)
    (lib.optionAttrSetToDocList (removeAttrs options [ "_module" ]));

  sortKey = option: map (name: if name == "enable" then "" else name) option.loc;
  ordered = sort (a: b: lib.compareLists lib.compare (sortKey a) (sortKey b) < 0) documented;

  undescribed = filter (option: option.description == null || lib.trim option.description == "") documented;

  # Sorted by name, because the order of modules has no meaning.
  files = option: lib.uniqueStrings (map (file: relative (toString file)) option.declarations);

  one = option: ''

    ### ${code option.name}

    ${prose option.description}

    - Type: ${code option.type}${optionalString option.readOnly " (read-only)"}
  ''
  + optionalString (option ? default) "- Default:${value option "default" option.default}\n"
  + optionalString (option ? example) "- Example:${value option "example" option.example}\n"
  + optionalString (option.declarations != [ ])
    "- Declared in: ${concatMapStringsSep ", " code (files option)}\n";

  group = options: "\n## ${code (showOption [ (head (head options).loc) ])}\n${concatMapStrings one options}";
  groups = lib.mapAttrsToList (_: group) (builtins.groupBy (option: head option.loc) ordered);

  page = "# ${title}\n"
    + optionalString (introduction != "") "\n${lib.trim introduction}\n"
    + concatStringsSep "" groups;
in
  if undescribed != [ ]
  then throw "these options have no description:${concatMapStrings (option: "\n  - `${option.name}' in ${lib.showFiles option.declarations}") undescribed}"
  else builtins.unsafeDiscardStringContext page
