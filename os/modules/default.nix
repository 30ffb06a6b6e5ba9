# All modules, one a subject. A new one gets a line here; nothing else has to know of it.
{
  imports = [
    ../lib/assertions.nix
    ./boot.nix
    ./console.nix
    ./cron.nix
    ./debian.nix
    ./environment.nix
    ./firmware.nix
    ./links.nix
    ./mounts.nix
    ./network.nix
    ./nftables.nix
    ./osctl.nix
    ./osctl-pools.nix
    ./runit.nix
    ./ssh.nix
    ./syslog.nix
    ./system.nix
    ./testing.nix
    ./time.nix
    ./tunables.nix
    ./udev.nix
    ./users.nix
    ./zfs.nix
  ];
}
