# Parts of a version.
{ lib }:
let
  part = n: version: builtins.elemAt (builtins.splitVersion version) n;
in
rec {
  inherit (builtins) splitVersion;
  major = part 0;
  minor = part 1;
  patch = part 2;
  majorMinor = version: "${major version}.${minor version}";
}
