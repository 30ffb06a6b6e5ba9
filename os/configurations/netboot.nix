# A host that boots from the network: copy this file and add its pools. See docs/src/configuration.md.
{ lib, ... }:

{
  networking.hostName = "host1";
  # Virtual machines need less: "cloud-amd64".
  boot.kernelFlavour = lib.mkDefault "amd64";
  boot.kernelParams = [ "console=tty0" "console=ttyS0,115200" ];

  # boot.zfs.pools.tank = { install = true; };
  # users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA... you@laptop" ];
}
