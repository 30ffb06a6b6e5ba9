# Properties of a definition: its condition (mkIf), its priority (mkForce, mkDefault), and its position in a
# list (mkBefore, mkAfter).
#
# A property is an attribute set with `_type`, wrapped around the value. Two functions process them:
# *push down* moves them from a set to each of its values, without evaluating conditions, so that a
# condition may read the configuration that it is part of; *discharge* evaluates conditions when
# the value of an option is needed.
{ lib }:
let
  inherit (builtins) concatMap filter foldl' isAttrs isBool mapAttrs sort;
  inherit (lib) mkIf mkOrder mkOverride;

  defaultOverride = 100;
  defaultOrder = 1000;

  overrideOf = def: if def.value._type or "" == "override" then def.value.priority else defaultOverride;
  orderOf = def: if def.value._type or "" == "order" then def.value.priority else defaultOrder;
  unwrap = type: def:
    if def.value._type or "" == type then def // { value = def.value.content; } else def;
in
rec {
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkAssert = assertion: message: mkIf (if assertion then true else throw message);

  # === which definition wins: the lowest priority ===

  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  defaultOverridePriority = defaultOverride;
  mkImageMediaOverride = mkOverride 60;
  mkForce = mkOverride 50;
  mkVMOverride = mkOverride 10;

  # === position in a list: lower is earlier ===

  mkOrder = priority: content: { _type = "order"; inherit priority content; };
  defaultOrderPriority = defaultOrder;
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  # A definition with the file that it is from; for values that are created elsewhere.
  mkDefinition = args@{ file, value, ... }: args // { _type = "definition"; };

  # === push down and discharge ===

  # The sets of a definition, each without properties around it, but with those around its values; and each
  # with its `source`, the set as it was written, which alone knows positions.
  pushDown = cfg: let
    type = cfg._type or "";
    wrap = f: map (part: part // { set = if isAttrs part.set then mapAttrs (_: f) part.set else part.set; })
      (pushDown cfg.content);
  in
    if type == "merge" then concatMap pushDown cfg.contents
    else if type == "if" then wrap (mkIf cfg.condition)
    else if type == "override" then wrap (mkOverride cfg.priority)
    else [ { set = cfg; source = cfg; } ];

  pushDownProperties = cfg: map (part: part.set) (pushDown cfg);

  # The values whose conditions are true, still with override and order.
  dischargeProperties = value: let
    type = value._type or "";
  in
    if type == "merge" then concatMap dischargeProperties value.contents
    else if type == "if" then
      if !isBool value.condition
      then throw "mkIf needs a condition that is true or false, not a ${builtins.typeOf value.condition}"
      else if value.condition then dischargeProperties value.content else [ ]
    else [ value ];

  # The definitions (`file`, `value`) of the highest priority, without their override; and that priority.
  filterOverrides' = defs: let
    highestPrio = foldl' (least: def: lib.min least (overrideOf def)) 9999 defs;
  in {
    inherit highestPrio;
    values = map (unwrap "override") (filter (def: overrideOf def == highestPrio) defs);
  };
  filterOverrides = defs: (filterOverrides' defs).values;

  # Definitions sorted by their order property, which is removed. The sort is stable.
  sortProperties = defs:
    map (unwrap "order") (sort (a: b: orderOf a < orderOf b) defs);
}
