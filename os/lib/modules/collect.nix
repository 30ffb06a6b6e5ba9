# From the modules given, and what they import, to a flat list of modules of one shape:
# `{ _file, key, imports, disabledModules, options, config }`.
{ lib }:
let
  errors = import ./errors.nix { inherit lib; };
  inherit (builtins)
    addErrorContext attrNames concatMap elem filter genericClosure isAttrs isList isPath isString mapAttrs
    pathExists removeAttrs substring toString typeOf unsafeGetAttrPos;
  inherit (lib) imap1 isFunction mkMerge;

  unknownModule = "<unknown-file>";

  # Attributes of a module other than options and values.
  meta = [ "_class" "_file" "key" "disabledModules" "imports" "freeformType" ];

  # For a set without a file, the position of its first attribute gives the file.
  fileOf = module: fallback: let
    names = attrNames module;
    pos = if names == [ ] then null else unsafeGetAttrPos (builtins.head names) module;
  in
    if module ? _file then toString module._file
    else if fallback == unknownModule && pos != null then pos.file
    else fallback;

  # One shape for `{ options, config }` and for a set that is all definitions.
  unify = fallback: key: module: let
    isLong = module ? config || module ? options;
    stray = removeAttrs module (meta ++ [ "options" "config" "meta" ]);
    definitions =
      if isLong then mkMerge ([ (module.config or { }) ] ++ lib.optional (module ? meta) { inherit (module) meta; })
      else removeAttrs module meta;
    file = fileOf module fallback;
  in
    if !isAttrs module then
      throw "the module ${key} is a ${typeOf module}, not a set or a function that gives one"
    else if isLong && stray != { } then
      throw (errors.strayAttributes file (attrNames stray))
    else {
      _file = file;
      _class = module._class or null;
      key = toString module.key or key;
      disabledModules = module.disabledModules or [ ];
      imports = module.imports or [ ];
      options = module.options or { };
      config =
        # Without a wrapper, because the set itself has the positions of its attributes.
        if module ? freeformType then mkMerge [ definitions { _module.freeformType = module.freeformType; } ]
        else if isLong && !(module ? meta) then module.config or { }
        else definitions;
      # Where the positions of a short module's attributes are, which removeAttrs may lose.
      source = if isLong then null else module;
    };

  # A function gets the arguments that it names: from those given, else from _module.args.
  call = file: args: module:
    module (args // mapAttrs (name: _:
      args.${name} or (addErrorContext "while looking for the argument `${name}' of the module ${file} in _module.args"
        (args.config._module.args.${name} or (throw (errors.unknownArgument file name))))
    ) (lib.functionArgs module));

  load = args: file: key: module:
    if isFunction module then unify file key (call file args module)
    else if isAttrs module then
      if module._type or "module" == "module" then unify file key module
      else if module._type == "if" || module._type == "override" then unify file key { config = module; }
      else throw (errors.notAModule file module)
    else if isList module then
      throw "in `${file}', imports has a list inside the list; write its modules one level up"
    else if isPath module || isString module then let
      path = toString module;
      content = import module;
    in
      if isPath module && !pathExists module then throw (errors.noSuchModule file path)
      else unify path path (if isFunction content then call path args content else content)
    else if lib.isStringLike module then load args file key (toString module)
    else throw (errors.notAModule file module);

  # The keys of disabled modules.
  disabledKey = modulesPath: file: item:
    if isString item then if substring 0 1 item == "/" then item else "${toString modulesPath}/${item}"
    else if isAttrs item && item ? key then toString item.key
    else if lib.strings.isConvertibleWithToString item then toString item
    else throw "in `${file}', disabledModules has a ${typeOf item}; it takes paths and modules with a key";
in
{
  inherit unknownModule;

  # Each module once, however often it is imported; those nearest to the given ones first.
  collectModules = { modules, modulesPath, class, args }: let
    node = parent: n: module: let
      loaded = load args parent._file "${parent.key}:anon-${toString n}" module;
    in
      if class != null && loaded._class != null && loaded._class != class
      then throw "the module `${loaded._file}' is for `${loaded._class}', and cannot be used for `${class}'"
      else { inherit (loaded) key; module = loaded; children = imap1 (node loaded) loaded.imports; };

    roots = imap1 (node { _file = unknownModule; key = ""; }) modules;

    disabledBelow = tree:
      map (disabledKey modulesPath tree.module._file) tree.module.disabledModules
      ++ concatMap disabledBelow tree.children;
    disabled = concatMap disabledBelow roots;
    enabled = filter (tree: !elem tree.key disabled);
  in
    map (tree: tree.module) (genericClosure {
      startSet = enabled roots;
      operator = tree: enabled tree.children;
    });
}
