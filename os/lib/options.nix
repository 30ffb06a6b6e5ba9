# Options: their declaration, how they and their definitions are displayed, and simple merge functions.
{ lib }:
let
  inherit (builtins)
    all attrNames concatLists concatStringsSep filter foldl' head isAttrs isBool isFunction isInt isList
    isString length stringLength substring typeOf;
  inherit (lib)
    concatMapStrings concatMapStringsSep generators getValues isOption literalExpression mkOption
    mergeDefaultOption mergeOneOption optionalString showOption;
  inherit (lib.options) showDefs showFile;
  inherit (lib.strings) escapeNixIdentifier;

  # A value in one or two lines, for messages.
  brief = value: let
    shown = builtins.tryEval (generators.toPretty { multiline = false; } (generators.withRecursion {
      depthLimit = 4;
      throwOnDepthLimit = false;
    } value));
    text = if shown.success then shown.value else "(a value that fails to evaluate)";
  in if stringLength text > 160 then "${substring 0 157 text}..." else text;
in
{
  # All arguments are optional:
  #   type         accepted values, and how they are merged
  #   default      value if no module sets it (priority 1500)
  #   defaultText  the default for the manual, if it depends on others: literalExpression "config.a + 1"
  #   example      for the manual
  #   description  for the manual, Markdown
  #   apply        function on the merged value
  #   internal, visible   whether the manual omits it
  #   readOnly     whether it can be set only once
  mkOption = {
    default ? null, defaultText ? null, example ? null, description ? null, relatedPackages ? null,
    type ? null, apply ? null, internal ? null, visible ? null, readOnly ? null
  }@args: args // { _type = "option"; };

  mkEnableOption = what: mkOption {
    default = false;
    example = true;
    description = "Whether to enable ${what}.";
    type = lib.types.bool;
  };

  isOption = x: x._type or "" == "option";

  # Code for the manual, shown as it is written.
  literalExpression = text:
    if isString text then { _type = "literalExpression"; inherit text; }
    else throw "literalExpression takes a string, not a ${typeOf text}";
  literalMD = text: { _type = "literalMD"; inherit text; };

  # === definitions ===

  getValues = map (def: def.value);
  getFiles = map (def: def.file);

  # Merges all values if possible; for options without a type.
  mergeDefaultOption = loc: defs: let
    values = getValues defs;
  in
    if length defs == 1 then head values
    else if all isFunction values then x: mergeDefaultOption loc (map (def: def // { value = def.value x; }) defs)
    else if all isList values then concatLists values
    else if all isAttrs values then foldl' (a: b: a // b) { } values
    else if all isBool values then foldl' (a: b: a || b) false values
    else if all isString values then concatStringsSep "" values
    else if all isInt values && all (x: x == head values) values then head values
    else throw "the option `${showOption loc}' cannot merge these definitions:${showDefs defs}";

  mergeOneOption = lib.mergeUniqueOption {
    message = "Only one is possible; mark the one that shall win with lib.mkForce.";
  };

  mergeUniqueOption = { message, merge ? null }: loc: defs:
    if length defs != 1 then
      throw "the option `${showOption loc}' is defined ${if defs == [ ] then "nowhere" else "more than once"}:${showDefs defs}\n  ${message}"
    else if merge == null then (head defs).value
    else merge loc defs;

  mergeEqualOption = loc: defs:
    if length defs == 1 then (head defs).value
    else if all (def: isFunction def.value) defs then mergeOneOption loc defs
    else if all (def: def.value == (head defs).value) defs then (head defs).value
    else throw "the option `${showOption loc}' has conflicting definitions:${showDefs defs}\n  Remove all but one, or mark the one that shall win with lib.mkForce.";

  # === showing ===

  # As it would be written in a module: boot."kernel.max", users.<name>.
  showOption = path: let
    part = name:
      if builtins.match "<.*>|\\*" name != null || lib.hasPrefix "[definition " name then name
      else escapeNixIdentifier name;
  in concatMapStringsSep "." part path;

  showFiles = concatMapStringsSep " and " (file: "`${toString file}'");

  # File and line of a definition. The line is known only if the definition is literal.
  showFile = def: let
    pos = def.pos or null;
  in
    "`${toString def.file}'" + optionalString (pos != null && pos.file == toString def.file)
      ", line ${toString pos.line}";

  showDefs = concatMapStrings (def: "\n  - in ${showFile def}: ${brief def.value}");

  # === the tree, for the manual ===

  # All options below as a list, those of submodules included.
  optionAttrSetToDocList = tree: let
    render = value: if value ? _type && value ? text then value else literalExpression (generators.toPretty { } value);
    one = option: let
      name = showOption option.loc;
      visible = option.visible or true;
    in [ ({
      inherit (option) loc;
      inherit name;
      description = option.description or null;
      declarations = filter (file: file != lib.unknownModule) option.declarations;
      internal = option.internal or false;
      visible = if isBool visible then visible else visible == "shallow";
      readOnly = option.readOnly or false;
      type = option.type.description or "unspecified";
    }
    // lib.optionalAttrs (option ? example) { example = render option.example; }
    // lib.optionalAttrs (option ? default || option ? defaultText) {
      default = render (option.defaultText or option.default);
    }) ]
    ++ lib.optionals (visible == true || visible == "transparent")
      (below (option.type.getSubOptions option.loc));
    below = value:
      if isOption value then one value
      else if isAttrs value && value._type or "" != "option-type" then
        builtins.concatMap (name: below value.${name}) (attrNames (removeAttrs value [ "_module" "_freeformOptions" ]))
      else [ ];
  in below tree;
}
