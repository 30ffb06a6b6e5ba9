# The option manual.
{ lib }:
let
  inherit (lib) mkOption types;
  inherit (import ./cases.nix { inherit lib; }) gives options throws;

  manual = modules: import ../manual.nix {
    options = options modules;
    inherit lib;
    root = ./fixtures;
    introduction = "All options of a host.";
  };
  names = page: map (line: lib.head (builtins.match "### `(.*)`" line))
    (lib.filter (lib.hasPrefix "### ") (lib.splitString "\n" page));
in
{
  # After a wanted change: `os/lib/tests/run --bless`.
  page = gives (manual [ ./fixtures/documented.nix ]) (builtins.readFile ./fixtures/manual.md);
  order = gives (names (manual [ ./fixtures/documented.nix ])) [
    "boot.file" "boot.kernel" "disks" "disks.*.size" "services" "services.<name>.enable" "services.<name>.after"
    "services.<name>.path" "services.<name>.run"
  ];
  orderOfModulesIsNoMatter = gives
    (manual [ ./fixtures/documented.nix ./fixtures/other.nix ] == manual [ ./fixtures/other.nix ./fixtures/documented.nix ]) true;
  declaredInTwoFiles = gives (lib.hasInfix "- Declared in: `documented.nix`, `other.nix`" (manual [ ./fixtures/documented.nix ./fixtures/other.nix ])) true;
  optionAddedToASubmodule = gives (lib.elem "services.<name>.user" (names (manual [ ./fixtures/documented.nix ./fixtures/other.nix ]))) true;
  withoutDescription = throws [ "no description" "`x' in" "tests/manual.nix'" ] (manual [ { options.x = mkOption { type = types.int; }; } ]);
  defaultThatFails = throws [ "default of the option `x'" "defaultText" ]
    (manual [ { options.x = mkOption { type = types.int; default = throw "no"; description = "X."; }; } ]);
}
