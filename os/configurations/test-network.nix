# For tests of the network: a bond of two network cards, a VLAN on the bond, a bridge with the VLAN as its port.
{ ... }:

{
  imports = [ ./test.nix ];
  networking = {
    bonds.bond0 = {
      interfaces = [ "eth0" "eth1" ];
      driverOptions = { mode = "active-backup"; miimon = "100"; };
    };
    vlans."bond0.10" = { id = 10; interface = "bond0"; };
    bridges.br0.interfaces = [ "bond0.10" ];
    interfaces.bond0.mtu = 1400;
    interfaces.br0 = {
      macAddress = "02:00:00:00:00:10";
      addresses = [ "203.0.113.5/24" "203.0.113.6/24" "2001:db8::5/64" ];
      ipv4.routes = [ { address = "198.51.100.0"; prefixLength = 24; via = "203.0.113.2"; options.metric = "50"; } ];
    };
    # A missing interface: it is reported, and the others are configured.
    interfaces.eth9.addresses = [ "198.51.100.9/32" ];
    defaultGateway = "203.0.113.1";
    defaultGateway6 = { address = "fe80::1"; interface = "br0"; };
    nftables = {
      enable = true;
      ruleset = ''
        table inet filter {
          chain input {
            type filter hook input priority filter; policy accept;
            ip daddr 203.0.113.6 counter drop
          }
        }
      '';
    };
  };
}
