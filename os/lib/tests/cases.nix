# Short ways to evaluate, for the cases.
{ lib }:
rec {
  inherit (lib) mkOption;

  # A module that declares the one option `x`.
  declare = type: { options.x = mkOption { inherit type; }; };

  config = modules: (lib.evalModules { inherit modules; }).config;
  options = modules: (lib.evalModules { inherit modules; }).options;

  # The merged value of these definitions of an option of this type.
  merge = type: definitions: (config ([ (declare type) ] ++ map (x: { inherit x; }) definitions)).x;

  gives = expr: expected: { inherit expr expected; };
  throws = throws: expr: { inherit expr throws; };

  # Throws any error, which needs no separate process; errors.nix tests the messages.
  fails = expr: gives (builtins.tryEval (builtins.deepSeq expr null)).success false;

  # These definitions of an option of this type are refused.
  refuses = type: definitions: fails (merge type definitions);
}
