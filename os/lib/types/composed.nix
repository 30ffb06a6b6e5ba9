# Types made of other types.
{ lib }:
let
  inherit (builtins)
    all concatLists elemAt filter head isAttrs isList mapAttrs tail unsafeGetAttrPos zipAttrsWith;
  inherit (lib)
    filterAttrs imap1 mergeDefinitions mergeOneOption showOption;
  inherit (lib.options) mergeUniqueOption showDefs;
  inherit (lib.types)
    addCheck coercedTo defaultFunctor either functionTo mkOptionType nullOr optionDescriptionPhrase;

  isNoun = class: class == "noun";
  isNounOrComposite = class: class == "noun" || class == "composite";

  # For types with one inner type: two such types can be merged if their inner types can. The nested options of the
  # inner type are nested options of the outer one, one level deeper.
  around = { name, make, elemType, step ? [ ] }: {
    inherit name;
    getSubOptions = prefix: elemType.getSubOptions (prefix ++ step);
    getSubModules = elemType.getSubModules;
    substSubModules = modules: make (elemType.substSubModules modules);
    functor = defaultFunctor name // {
      type = payload: make payload.elemType;
      payload = { inherit elemType; };
      binOp = a: b: let
        merged = a.elemType.typeMerge b.elemType.functor;
      in if merged == null then null else { elemType = merged; };
    };
    nestedTypes = { inherit elemType; };
  };

  # For attrsOf: the definitions of each name, merged but not forced.
  mergeAttrs = elemType: loc: defs:
    zipAttrsWith (name: mergeDefinitions (loc ++ [ name ]) elemType) (map (def:
      mapAttrs (name: value: {
        inherit (def) file;
        inherit value;
        pos = unsafeGetAttrPos name def.value;
      }) def.value
    ) defs);

  # The placeholder stands for the names in paths of options: `services.<name>.run`.
  attrsWith = { elemType, lazy ? false, placeholder ? "name" }: let
    name = if lazy then "lazyAttrsOf" else "attrsOf";
    base = around {
      inherit name elemType;
      make = t: attrsWith { inherit lazy placeholder; elemType = t; };
      step = [ "<${placeholder}>" ];
    };
  in
    mkOptionType (base // {
      functor = base.functor // {
        type = attrsWith;
        payload = { inherit elemType lazy placeholder; };
        binOp = a: b: let
          inner = base.functor.binOp a b;
          given = lib.remove "name" (lib.unique [ a.placeholder b.placeholder ]);
        in
          if inner == null || builtins.length given > 1 then null
          else a // inner // (if given == [ ] then { } else { placeholder = head given; });
      };
      description = (if lazy then "lazy attribute set of " else "attribute set of ")
        + optionDescriptionPhrase isNounOrComposite elemType;
      descriptionClass = "composite";
      check = isAttrs;
      emptyValue = { value = { }; };
      # The strict type evaluates the conditions of all values to find its names. The lazy type does not, so its
      # values may depend on each other, but it also contains names whose condition is false.
      merge = loc: defs:
        if lazy
        then mapAttrs (_: m: m.optionalValue.value or elemType.emptyValue.value or m.mergedValue)
          (mergeAttrs elemType loc defs)
        else mapAttrs (_: m: m.optionalValue.value)
          (filterAttrs (_: m: m.isDefined) (mergeAttrs elemType loc defs));
    });
in
{
  listOf = elemType: mkOptionType (around {
    name = "listOf";
    make = lib.types.listOf;
    inherit elemType;
    step = [ "*" ];
  } // {
    description = "list of ${optionDescriptionPhrase isNounOrComposite elemType}";
    descriptionClass = "composite";
    check = isList;
    emptyValue = { value = [ ]; };
    merge = loc: defs: let
      element = n: def: m: value: mergeDefinitions
        (loc ++ [ "[definition ${toString n}-entry ${toString m}]" ]) elemType [ (def // { inherit value; }) ];
      elements = concatLists (imap1 (n: def: imap1 (element n def) def.value) defs);
    in map (m: m.optionalValue.value) (filter (m: m.isDefined) elements);
  });

  nonEmptyListOf = elemType: addCheck (lib.types.listOf elemType) (list: list != [ ]) // {
    description = "non-empty ${optionDescriptionPhrase isNoun (lib.types.listOf elemType)}";
    emptyValue = { };
    substSubModules = modules: lib.types.nonEmptyListOf (elemType.substSubModules modules);
  };

  inherit attrsWith;
  attrsOf = elemType: attrsWith { inherit elemType; };
  lazyAttrsOf = elemType: attrsWith { inherit elemType; lazy = true; };

  nullOr = elemType: mkOptionType (around { name = "nullOr"; make = nullOr; inherit elemType; } // {
    description = "null or ${optionDescriptionPhrase (class: isNoun class || class == "conjunction") elemType}";
    descriptionClass = "conjunction";
    check = x: x == null || elemType.check x;
    emptyValue = { value = null; };
    merge = loc: defs: let
      nulls = filter (def: def.value == null) defs;
    in
      if nulls == [ ] then elemType.merge loc defs
      else if all (def: def.value == null) defs then null
      else throw "the option `${showOption loc}' is defined both null and not null:${showDefs defs}";
  });

  uniq = lib.types.unique { message = ""; };

  # One definition only, even if others are equal.
  unique = { message }: type: mkOptionType (around {
    name = "unique";
    make = lib.types.unique { inherit message; };
    elemType = type;
  } // {
    inherit (type) description descriptionClass check emptyValue;
    merge = mergeUniqueOption { inherit message; inherit (type) merge; };
  });

  functionTo = elemType: mkOptionType (around {
    name = "functionTo";
    make = functionTo;
    inherit elemType;
    step = [ "<function body>" ];
  } // {
    description = "function that evaluates to a(n) ${optionDescriptionPhrase isNounOrComposite elemType}";
    descriptionClass = "composite";
    check = lib.isFunction;
    merge = loc: defs: {
      # The arguments that all functions name; an argument is optional if it is optional in all.
      __functionArgs = zipAttrsWith (_: all lib.id) (map (def: lib.functionArgs def.value) defs);
      __functor = _: arg: (mergeDefinitions (loc ++ [ "<function body>" ]) elemType
        (map (def: def // { value = def.value arg; }) defs)).mergedValue;
    };
  });

  # The first type, if it accepts all definitions; otherwise the second.
  either = a: b: mkOptionType {
    name = "either";
    description = let
      inner = class: isNoun class || class == "conjunction";
    in
      if a.descriptionClass or null == "nonRestrictiveClause"
      then "${a.description}, or ${optionDescriptionPhrase inner b}"
      else "${optionDescriptionPhrase inner a} or ${
        optionDescriptionPhrase (class: inner class || class == "composite") b}";
    descriptionClass = "conjunction";
    check = x: a.check x || b.check x;
    merge = loc: defs: let
      fits = type: all (def: type.check def.value) defs;
    in
      if fits a then a.merge loc defs
      else if fits b then b.merge loc defs
      else mergeOneOption loc defs;
    typeMerge = other: let
      merged = n: type: type.typeMerge (elemAt other.payload.elemType n).functor;
    in
      if other.name != "either" || merged 0 a == null || merged 1 b == null then null
      else either (merged 0 a) (merged 1 b);
    functor = defaultFunctor "either" // { payload.elemType = [ a b ]; };
    nestedTypes = { left = a; right = b; };
  };

  oneOf = types:
    if types == [ ] then throw "types.oneOf needs at least one type"
    else builtins.foldl' either (head types) (tail types);

  # The final type, and values of another type, which the function converts.
  coercedTo = from: coerce: to:
    assert lib.assertMsg (from.getSubModules == null) "types.coercedTo: ${from.description} has submodules";
    mkOptionType {
      name = "coercedTo";
      description = "${optionDescriptionPhrase isNoun to} or ${optionDescriptionPhrase isNoun from} convertible to it";
      check = x: from.check x && to.check (coerce x) || to.check x;
      merge = loc: defs: to.merge loc (map (def:
        def // { value = if from.check def.value then coerce def.value else def.value; }
      ) defs);
      inherit (to) emptyValue getSubOptions getSubModules;
      substSubModules = modules: coercedTo from coerce (to.substSubModules modules);
      typeMerge = _: null;
      functor = defaultFunctor "coercedTo";
      nestedTypes = { coercedType = from; finalType = to; };
    };
}
