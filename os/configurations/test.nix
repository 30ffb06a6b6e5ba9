# What the machine tests boot: as `make vm`, with a shell for the driver.
{ lib, ... }:

{
  imports = [ ./vm.nix ];
  testing.shell = true;
  networking.chronyd = false;
}
