# The packages of a lock, unpacked into one tree, with what their maintainer scripts would have done as
# far as it does not depend on the machine: merged /usr, ld.so cache, module dependencies.
#
# Outputs: `out`, the tree, with the modes that a store path may have; `modes`, what is different from
# `root:root` and from these modes, in the language of `mksquashfs -pf`, for whoever makes an image of it.
{ build, name, lock, debs }:

let
  # A store path is named in fewer characters than a Debian package.
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
