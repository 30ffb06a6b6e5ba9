# The operating system of one host: `nix-build os -A images.initrd --arg configuration ./host.nix ...`.
# Usually called by os/build, which knows where the arguments are.
#
# - `configuration`: a module, the host.
# - `lock`, `debs`: the packages, as os/debian/resolve left them. Not needed for `packages` and `manual`.
# - `tools`: the same for the compiler of the ZFS modules.
# - `programs`: a folder with osctld, osctl, osctl-image and os-helper.
{ configuration
, lock ? null, debs ? null
, toolsLock ? null, toolsDebs ? null
, programs ? null
, lib ? import ./lib
}:

let
  build = import ./images/build.nix { };

  evaluated = lib.evalModules { modules = [ ./modules configuration ]; };
  config = lib.asserts.checkAssertWarn evaluated.config.assertions evaluated.config.warnings
    evaluated.config;

  tree = import ./debian/tree.nix { name = "debian-system"; inherit build lock debs; };
  # Sorted, so that the same packages are the same request, whoever asks for them first.
  words = list: lib.concatStringsSep " " (lib.sort (a: b: a < b) (lib.unique list));
  zfs = import ./debian/zfs.nix {
    inherit build;
    tools = import ./debian/tree.nix { name = "debian-tools"; inherit build; lock = toolsLock; debs = toolsDebs; };
  };
in
{
  inherit config;
  inherit (evaluated) options;

  # What os/debian/resolve is asked for.
  packages = words config.debian.packages;
  provided = words config.debian.provided;
  tools = words config.debian.zfsTools;
  # In the order in which they were asked for: it is part of the request.
  components = lib.concatStringsSep " " (lib.unique config.debian.components);

  # Who asks for which, to tell when one does not exist: "FILE PACKAGE...|FILE PACKAGE...".
  askers = lib.mapAttrs (_: option: lib.concatMapStringsSep "|"
    (definition: lib.concatStringsSep " " ([ (toString definition.file) ] ++ definition.value))
    option.definitionsWithLocations) { inherit (evaluated.options.debian) packages zfsTools; };

  # The page docs/src/options.md: `os/manual --write` makes it, `tests/os` compares it.
  manual = import ./lib/manual.nix {
    inherit lib;
    inherit (evaluated) options;
    root = ../.;
    title = "Options";
    introduction = "Everything that a `configuration.nix` may say. This page is made from `os/modules`.";
  };

  images = import ./images { inherit lib build config tree zfs lock programs; };
}
