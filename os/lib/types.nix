# Types of options.
#
# A type defines which values it accepts (`check`, which does not inspect nested values), how several
# definitions are merged (`merge`, given the option's path and definitions with `file` and `value`), the value
# of an option without definitions (`emptyValue`), and nested options (`getSubOptions`). `types/base.nix`
# defines the common structure.
{ lib }:
import ./types/base.nix { inherit lib; }
// import ./types/simple.nix { inherit lib; }
// import ./types/composed.nix { inherit lib; }
// import ./types/submodule.nix { inherit lib; }
