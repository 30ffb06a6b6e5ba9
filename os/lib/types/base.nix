# What a type is, and how two declarations of one option agree on a type.
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
    # How the type reads after "takes a value of type"; and which kind of phrase that is (noun, composite,
    # conjunction, nonRestrictiveClause), so that larger descriptions set parentheses where needed.
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
    # The type that both this one and the one of the given functor are; null if there is none.
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

  # A functor tells how the type was made: `type payload`; and `binOp` makes one payload of two.
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

  # The type, for those of its values that pass the test.
  addCheck = type: test: type // { check = x: type.check x && test x; };
}
