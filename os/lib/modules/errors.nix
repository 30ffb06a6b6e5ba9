# Error messages: the option, file and line, the reason, and what to do.
{ lib }:
let
  inherit (builtins) attrNames filter head length sort toString typeOf;
  inherit (lib)
    concatMapStrings concatMapStringsSep init last optionalString showFiles showOption take;
  inherit (lib.options) showDefs showFile;

  show = loc: "`${showOption loc}'";

  # The names most similar to the wrong one, with at most a few typing errors.
  near = wrong: names: let
    rank = map (name: { inherit name; cost = lib.strings.levenshtein (lib.toLower wrong) (lib.toLower name); }) names;
    size = builtins.stringLength wrong;
    # A transposition of two letters has distance 2.
    limit = if size < 4 then 1 else lib.max 2 (size / 3);
    contains = name: lib.hasInfix (lib.toLower wrong) (lib.toLower name) || lib.hasInfix (lib.toLower name) (lib.toLower wrong);
  in
    map (x: x.name) (sort (a: b: a.cost < b.cost) (filter (x: x.cost <= limit || contains x.name) rank));

  alternatives = parent: wrong: names: let
    full = name: show (parent ++ [ name ]);
    found = take 3 (near wrong names);
    all = concatMapStringsSep ", " full (take 12 names) + optionalString (length names > 12) ", ...";
  in
    if found != [ ] then "\n  Did you mean ${concatMapStringsSep " or " full found}?"
    else if names == [ ] then ""
    else "\n  There are ${all}.";
in
{
  # Throws: a definition without an option. Names all definitions of that option.
  unknownOption = { prefix, options, defs }: let
    path = (head defs).path;
    same = filter (def: def.path == path) defs;
    siblings = filter (name: name != "_module") (attrNames (lib.attrByPath (init path) { } options));
    others = length defs - length same;
  in throw (
    "the option ${show (prefix ++ path)} does not exist:${showDefs same}"
    + (if siblings == [ ] && length path == 1
      then "\n  ${if prefix == [ ] then "No module declares any option" else "No options are declared below ${show prefix}"}; declarations belong into `options', not into `config'."
      else alternatives (prefix ++ init path) (last path) siblings)
    + optionalString (others > 0) "\n  (and ${toString others} more that do not exist)");

  wrongType = loc: type: defs:
    "the option ${show loc} takes a value of type `${type.description}', which this is not:${showDefs defs}";

  # Lists the ignored definitions, if there are any: all of them have a false condition.
  hasNoValue = loc: type: defs:
    "the option ${show loc} is used, but has no value. Set it to a value of type `${type.description}'."
    + optionalString (defs != [ ]) "\n  It is set only under a condition that is false, in ${concatMapStringsSep " and " showFile defs}.";

  readOnlyTwice = loc: defs:
    "the option ${show loc} is read-only and has its value already; remove all but the first:${concatMapStrings (def: "\n  - in ${showFile def}") defs}";

  declaredTwice = loc: merged: decl: what:
    "the option ${show loc} in ${showFile { file = decl._file; inherit (decl) pos; }} is already declared in ${showFiles merged.declarations}"
    + (if what == "type"
      then ", with another type: `${decl.option.type.description}' here, `${merged.type.description}' there"
      else "; both have a ${what}");

  optionInsideOption = loc: decl: inner:
    "the option ${show loc}, declared in ${showFile { file = decl._file; inherit (decl) pos; }}, cannot have options inside: its type is `${decl.option.type.description or "unspecified"}', not a submodule. Inside it are declared:"
    + concatMapStrings (d: concatMapStrings (name: "\n  - ${show (loc ++ [ name ])} in `${d._file}'") (attrNames d.option)) inner;

  declarationIsNoOption = loc: decl:
    "${show loc} in ${showFile { file = decl._file; inherit (decl) pos; }} should be an option, but is a value of type `${decl.option._type}'"
    + optionalString (decl.option._type == "option-type") "; write `lib.mkOption { type = ...; }' around the type";

  declarationIsNoSet = loc: decl:
    "in `${decl._file}', `options${concatMapStrings (name: ".${name}") loc}' is a ${typeOf decl.options}, not a set of options; values belong into `config'";

  definitionIsNoSet = loc: config:
    "${if loc == [ ] then "a module" else show loc} holds options, so its value must be a set, and this is a ${typeOf config.set}:${showDefs [ (config // { value = config.set; }) ]}";

  # === modules as such ===

  strayAttributes = file: names:
    "in `${file}', ${concatMapStringsSep " and " (name: "`${name}'") names} stands beside `options' or `config': once a module has one of these two, all definitions belong into `config'";

  notAModule = file: value:
    "in `${file}', a ${value._type or (typeOf value)} is used as a module; a module is a path, a set, or a function that gives a set"
    + optionalString (value._type or "" == "configuration") ". This is an evaluated configuration: import its modules instead";

  noSuchModule = file: path:
    "the module `${path}' does not exist${optionalString (file != lib.unknownModule) "; it is imported by `${file}'"}";

  unknownArgument = file: name:
    "the module `${file}' takes an argument `${name}', which is not set: set `_module.args.${name}', or give it in `specialArgs'";
}
