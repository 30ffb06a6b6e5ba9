# Assertions: of an expression, and of a whole configuration (the options are in `assertions.nix`).
{ lib }:
let
  inherit (lib) concatMapStrings filter showWarnings;
in
{
  # For `assert`: true, or an error with this message.
  assertMsg = condition: message: condition || throw message;

  assertOneOf = name: value: allowed:
    lib.assertMsg (builtins.elem value allowed)
      "${name} must be one of ${builtins.toJSON allowed}, but is ${builtins.toJSON value}";

  # The value, if all `assertions` hold; otherwise one error with the message of each that does not. Shows
  # `warnings` first, so that they are seen even then.
  checkAssertWarn = assertions: warnings: value: let
    failed = filter (a: !a.assertion) assertions;
  in
    showWarnings warnings (
      if failed == [ ] then value
      else throw "the configuration cannot be built:${concatMapStrings (a: "\n  - ${a.message}") failed}");
}
