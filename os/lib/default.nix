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
    options = import ./options.nix { inherit lib; };
    modules = import ./priorities.nix { inherit lib; } // import ./modules.nix { inherit lib; };
  };

  # Of these nothing is in `lib` itself: their names are too general (`types.lines`, `versions.major`).
  named = {
    types = import ./types.nix { inherit lib; };
    generators = import ./generators.nix { inherit lib; };
    versions = import ./versions.nix { inherit lib; };
  };

  # These neither: nixpkgs has them in the part only, and a module must work with both.
  inPartOnly = [
    "checkAssertWarn" "collectModules" "commonPrefix" "defaultOrderPriority" "defaultOverridePriority"
    "escapeNixIdentifier" "escapeNixString" "filterOverrides'" "findFirstIndex" "importApply"
    "isConvertibleWithToString" "levenshtein" "mkAliasAndWrapDefsWithPriority" "pushDown" "showDefs" "showFile" "storeDir" "unionOfDisjoint"
  ];

  # Both have a `replicate`; the one in `lib` is that of lists.
  all = builtins.foldl' (all: part: all // part) { }
    (builtins.attrValues (parts // { strings = removeAttrs parts.strings [ "replicate" ]; }));
  lib = removeAttrs all inPartOnly // parts // named // {
    inherit (named.types) defaultFunctor defaultTypeMerge isOptionType isType mkOptionType setType;
  };
in
lib
