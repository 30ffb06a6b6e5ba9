# The structure of a type, and how the types of two declarations of one option are merged.
{ lib }:
let
  inherit (lib.types) defaultFunctor defaultTypeMerge mkOptionType;
in
{
  isType = type: x: x._type or "" == type;
  setType = type: x: x // { _type = type; };
  isOptionType = lib.types.isType "option-type";

  mkOptionType = {
    name,
    # The phrase after "takes a value of type"; and its grammatical class (noun, composite,
    # conjunction, nonRestrictiveClause), so that larger descriptions add parentheses where needed.
    description ? null,
    descriptionClass ? null,
    check ? _: true,
    merge ? lib.mergeDefaultOption,
    emptyValue ? { },
    # From the path of the option to the tree of options below it.
    getSubOptions ? _: { },
    # The modules of a submodule; and the same type with others in their place.
    getSubModules ? null,
    substSubModules ? _: null,
    # The common type of this one and that of the given functor; null if there is none.
    typeMerge ? defaultTypeMerge functor,
    functor ? defaultFunctor name,
    deprecationMessage ? null,
    nestedTypes ? { }
  }: {
    _type = "option-type";
    description = if description == null then name else description;
    inherit
      name descriptionClass check merge emptyValue getSubOptions getSubModules substSubModules typeMerge
      functor deprecationMessage nestedTypes;
  };

  # A functor records how the type was created: `type payload`; `binOp` merges two payloads.
  defaultFunctor = name: {
    inherit name;
    type = lib.types.${name} or null;
    payload = null;
    binOp = _: _: null;
  };

  defaultTypeMerge = a: b: let
    payload = a.binOp a.payload b.payload;
  in
    if a.name != b.name then null
    else if a.payload == null then a.type
    else if payload == null then null
    else a.type payload;

  mergeTypes = a: b: let
    merged = a.typeMerge b.functor;
  in if merged == null then lib.types.setType "merge-error" { error = "Cannot merge types"; } else merged;

  # The description of a type as part of a larger one.
  optionDescriptionPhrase = standsAlone: type:
    if standsAlone (type.descriptionClass or null) then type.description else "(${type.description})";

  # The type, restricted to values that pass the test.
  addCheck = type: test: type // { check = x: type.check x && test x; };
}
