# What a configuration must fulfil beyond the types of its options. `lib.checkAssertWarn` acts on it.
{ lib, ... }:
let
  inherit (lib) literalExpression mkOption types;
in
{
  options.assertions = mkOption {
    type = types.listOf types.unspecified;
    internal = true;
    default = [ ];
    example = literalExpression ''[ { assertion = false; message = "a disk is needed"; } ]'';
    description = ''
      Conditions, each with the message that is shown if it does not hold. If one fails, nothing is built,
      and all that failed are shown at once.
    '';
  };

  options.warnings = mkOption {
    type = types.listOf types.str;
    internal = true;
    default = [ ];
    example = [ "the service `foo' will go away; use `bar'" ];
    description = "Messages that are shown at each build.";
  };
}
