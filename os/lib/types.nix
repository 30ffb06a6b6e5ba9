# Types of options.
#
# A type says which values it takes (`check`, which looks at the value's surface only), how several
# definitions become one (`merge`, given the option's path and definitions with `file` and `value`), what
# an option without any is (`emptyValue`), and what options lie below (`getSubOptions`). `types/base.nix`
# has the shape of all.
{ lib }:
import ./types/base.nix { inherit lib; }
// import ./types/simple.nix { inherit lib; }
// import ./types/composed.nix { inherit lib; }
// import ./types/submodule.nix { inherit lib; }
