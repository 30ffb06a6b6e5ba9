# Our module system, with the functions that modules of an operating system need.
#
# `import ./os/lib` gives one attribute set. Names, arguments and results are those of nixpkgs' `lib`, so
# that a module gives the same result with either; but nothing of nixpkgs is needed, and Nix 2.8 is enough.
# What differs is the text of errors: ours name the option, each file and line, and what to do.
#
# Start reading at `modules.nix`. `manual.nix` is not part of the set: it renders options to Markdown.
let
  parts = {
    trivial = import ./trivial.nix { inherit lib; };
    asserts = import ./asserts.nix { inherit lib; };
    lists = import ./lists.nix { inherit lib; };
    attrsets = import ./attrsets.nix { inherit lib; };
    strings = import ./strings.nix { inherit lib; };
    priorities = import ./priorities.nix { inherit lib; };
    options = import ./options.nix { inherit lib; };
    modules = import ./modules.nix { inherit lib; };
  };

  # Not spread into `lib`: their names are too general (`types.lines`, `versions.major`).
  named = {
    types = import ./types.nix { inherit lib; };
    generators = import ./generators.nix { inherit lib; };
    versions = import ./versions.nix { inherit lib; };
  };

  lib = builtins.foldl' (all: part: all // part) { } (builtins.attrValues parts) // parts // named;
in
lib
