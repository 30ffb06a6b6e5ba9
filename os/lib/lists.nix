# Functions on lists.
{ lib }:
let
  inherit (builtins)
    any concatMap elem elemAt filter foldl' genList head isList length partition tail;
  inherit (lib) drop reverseList sublist take toposort;
in
{
  inherit (builtins)
    all any concatLists concatMap elem elemAt filter foldl' genList groupBy head isList length map partition
    sort tail;

  singleton = x: [ x ];
  toList = x: if isList x then x else [ x ];
  forEach = list: f: map f list;

  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];

  # === folding, counting, searching ===

  foldl = f: start: list: let
    at = n: if n < 0 then start else f (at (n - 1)) (elemAt list n);
  in at (length list - 1);

  foldr = f: end: list: let
    at = n: if n == length list then end else f (elemAt list n) (at (n + 1));
  in at 0;

  count = test: foldl' (n: x: if test x then n + 1 else n) 0;

  findFirstIndex = test: default: list: let
    go = n: if n == length list then default else if test (elemAt list n) then n else go (n + 1);
  in go 0;

  findFirst = test: default: list: let
    n = lib.lists.findFirstIndex test null list;
  in if n == null then default else elemAt list n;

  findSingle = test: none: many: list: let
    found = filter test list;
  in if found == [ ] then none else if length found > 1 then many else head found;

  # === construction ===

  range = first: last: genList (n: first + n) (lib.max 0 (last - first + 1));
  replicate = n: x: genList (_: x) n;
  imap0 = f: list: genList (n: f n (elemAt list n)) (length list);
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);

  zipListsWith = f: a: b: genList (n: f (elemAt a n) (elemAt b n)) (lib.min (length a) (length b));
  zipLists = lib.zipListsWith (fst: snd: { inherit fst snd; });

  flatten = x: if isList x then concatMap lib.flatten x else [ x ];

  # === parts ===

  sublist = start: count: list:
    genList (n: elemAt list (start + n)) (lib.max 0 (lib.min count (length list - start)));
  take = sublist 0;
  drop = count: list: sublist count (length list) list;
  takeEnd = count: list: drop (lib.max 0 (length list - count)) list;
  dropEnd = count: list: take (lib.max 0 (length list - count)) list;

  last = list:
    if list == [ ] then throw "lists.last: the list is empty" else elemAt list (length list - 1);
  init = list:
    if list == [ ] then throw "lists.init: the list is empty" else take (length list - 1) list;

  commonPrefix = a: b: let
    differs = lib.lists.findFirstIndex (n: elemAt a n != elemAt b n) null (lib.range 0 (shorter - 1));
    shorter = lib.min (length a) (length b);
  in take (if differs == null then shorter else differs) a;

  # === sets ===

  remove = x: filter (y: y != x);
  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
  uniqueStrings = list: builtins.attrNames (lib.genAttrs list (_: null));
  allUnique = list: length (lib.unique list) == length list;
  intersectLists = a: filter (x: elem x a);
  subtractLists = a: filter (x: !elem x a);
  mutuallyExclusive = a: b: !any (x: elem x a) b;

  # === order ===

  reverseList = list: let n = length list; in genList (i: elemAt list (n - 1 - i)) n;

  # Sorts by the key that f computes; f is called once per element.
  sortOn = f: list:
    map (pair: elemAt pair 1)
      (builtins.sort (a: b: head a < head b) (map (x: [ (f x) x ]) list));

  compareLists = compare: a: b:
    if a == [ ] then (if b == [ ] then 0 else -1)
    else if b == [ ] then 1
    else let first = compare (head a) (head b); in
      if first == 0 then lib.compareLists compare (tail a) (tail b) else first;

  groupBy' = f: start: key: list: lib.mapAttrs (_: foldl' f start) (builtins.groupBy key list);

  # Topological sort by the relation `before`; keeps the given order otherwise.
  #
  # Gives `{ result = [ ... ]; }`, or, if that is impossible, `{ cycle = [ a b a' ... ]; loops = [ ... ]; }`:
  # the path of the cycle, and the elements to which it returns.
  toposort = before: list: let
    # From an element to one that must precede it, and so on to one that nothing precedes.
    walk = here: way: rest: let
      split = partition (x: before x here) rest;
      back = filter (x: before x here) way;
    in
      if back != [ ] then { cycle = reverseList ([ here ] ++ way); loops = back; }
      else if split.right == [ ] then { first = here; rest = way ++ rest; }
      else walk (head split.right) ([ here ] ++ way) (tail split.right ++ split.wrong);
    found = walk (head list) [ ] (tail list);
    sorted = toposort before found.rest;
  in
    if length list < 2 then { result = list; }
    else if found ? cycle then found
    else if sorted ? cycle then sorted
    else { result = [ found.first ] ++ sorted.result; };
}
