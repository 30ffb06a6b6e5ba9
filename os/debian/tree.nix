# The packages of a lock, unpacked into one tree, with the machine-independent work of their maintainer scripts:
# merged /usr, ld.so cache, module dependencies.
#
# Outputs: `out`, the tree, with the modes that a store path may have; `modes`, other owners and
# modes in the syntax of `mksquashfs -pf`, for building an image.
{ build, name, lock, debs }:

let
  # Names of store paths allow fewer characters than names of Debian packages.
  storeName = builtins.replaceStrings [ "~" ":" "%" ] [ "-" "-" "-" ];

  fetch = package: builtins.path {
    name = storeName package.file;
    path = debs + "/${package.file}";
    recursive = false;
    inherit (package) sha256;
  };
in
build.script name ./unpack.sh {
  outputs = [ "out" "modes" ];
  packages = map fetch (builtins.fromJSON (builtins.readFile lock));
}
