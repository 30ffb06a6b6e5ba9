# Entry points of `run`: the cases of one file, which of them must throw, and the results of the others.
#
# A case is `{ expr; expected; }`, or `{ expr; throws; }` where `throws` lists what the error must contain.
# As Nix cannot catch the text of an error, each of the latter is evaluated in a process of its own, and
# its stderr is read here afterwards.
{ file, lib ? import ../., ours ? true, only ? null, stderrs ? null }:
let
  ourLib = import ../.;
  inherit (ourLib) concatMapStrings filterAttrs mapAttrsToList;

  all = import file { inherit lib; };
  cases = if only == null then all else { ${only} = all.${only}; };
  throwing = filterAttrs (_: case: case ? throws) cases;
  giving = filterAttrs (_: case: !(case ? throws)) cases;

  show = value: let
    text = builtins.tryEval (ourLib.generators.toPretty { indent = "      "; } value);
  in if text.success then text.value else "(an error)";

  giveReport = name: case: let
    right = builtins.tryEval (builtins.deepSeq case.expr (case.expr == case.expected));
  in
    if right.success && right.value then "ok ${name}\n"
    else "FAILED ${name}\n    expected: ${show case.expected}\n    got:      ${if right.success then show case.expr else "(an error)"}\n";

  throwReport = name: case: let
    stderr = builtins.readFile "${stderrs}/${name}";
    # Another lib has other messages; any error is accepted.
    missing = if ours then builtins.filter (part: !ourLib.hasInfix part stderr) case.throws else [ ];
  in
    if !(builtins.pathExists "${stderrs}/${name}.failed") then "FAILED ${name}\n    it must throw, but gives a value\n"
    else if missing == [ ] then "ok ${name}\n"
    else "FAILED ${name}\n    the error lacks: ${show missing}\n    the error is: ${stderr}\n";
in
{
  names = concatMapStrings (name: name + "\n") (builtins.attrNames cases);
  throwingNames = concatMapStrings (name: name + "\n") (builtins.attrNames throwing);
  expr = cases.${only}.expr;
  report = builtins.concatStringsSep "" (mapAttrsToList giveReport giving ++ mapAttrsToList throwReport throwing);
}
