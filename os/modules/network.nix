# Names, addresses, routes. Interfaces are configured by ip(8), in the order of this page.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking;

  interface = { name, ... }: {
    options = {
      useDHCP = mkOption {
        type = types.bool;
        default = false;
        description = "Whether it asks a DHCP server for its address.";
      };
      addresses = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = lib.literalExpression ''[ "203.0.113.5/24" "2001:db8::5/64" ]'';
        description = "Addresses with the length of their prefix.";
      };
      mtu = mkOption {
        type = types.nullOr (types.ints.between 68 65535);
        default = null;
        description = "Bytes of a packet.";
      };
      macAddress = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        description = "Link address that it takes.";
      };
    };
  };

  configure = name: i: lib.optionalString (i.macAddress != null) "ip link set ${name} address ${i.macAddress}\n"
    + lib.optionalString (i.mtu != null) "ip link set ${name} mtu ${toString i.mtu}\n"
    + "ip link set ${name} up\n"
    + lib.concatMapStrings (a: "ip addr replace ${a} dev ${name}\n") i.addresses;
  dhcp = lib.attrNames (lib.filterAttrs (_: i: i.useDHCP) cfg.interfaces);
in
{
  options.networking = {
    hostName = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
      default = "vpsadminos";
      description = "Name of the host, without its domain.";
    };
    domain = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      description = "Its domain.";
    };
    hostId = mkOption {
      type = types.strMatching "[0-9a-f]{8}";
      default = builtins.substring 0 8 (builtins.hashString "sha256" cfg.hostName);
      defaultText = lib.literalExpression "eight digits that follow from the name";
      description = "How ZFS knows which host has imported a pool. Two hosts that see the same disks need two.";
    };
    useDHCP = mkOption {
      type = types.bool;
      default = cfg.interfaces == { };
      defaultText = lib.literalExpression "whether no interface is configured";
      description = "Whether every Ethernet interface that is there asks for an address.";
    };
    interfaces = mkOption {
      type = types.attrsOf (types.submodule interface);
      default = { };
      description = "Interfaces, by name.";
    };
    defaultGateway = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      description = "Router for IPv4.";
    };
    defaultGateway6 = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      description = "Router for IPv6.";
    };
    nameservers = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Addresses of name servers; without them those of DHCP are taken.";
    };
    custom = mkOption {
      type = types.lines;
      default = "";
      description = "Shell lines that run when everything else is configured.";
    };
  };

  config = {
    debian.packages = [ "iproute2" "nftables" "dhcpcd-base" "iptables" "netbase" ];
    environment.etc = {
      hostname.text = cfg.hostName + "\n";
      "vpsadminos/host-id".text = cfg.hostId + "\n";
      hosts.text = ''
        127.0.0.1 localhost
        ::1 localhost ip6-localhost
        127.0.1.1 ${lib.optionalString (cfg.domain != null) "${cfg.hostName}.${cfg.domain} "}${cfg.hostName}
      '';
      "dhcpcd.conf".text = ''
        hostname
        duid
        option domain_name_servers, domain_name, domain_search, classless_static_routes, interface_mtu
        noarp
      '';
    } // lib.optionalAttrs (cfg.nameservers != [ ]) {
      "resolv.conf".text = lib.concatMapStrings (n: "nameserver ${n}\n") cfg.nameservers;
    };
    runit.services.networking = {
      oneShot = true;
      requires = [ "udev-trigger" ];
      runlevels = [ "default" "rescue" ];
      run = lib.concatStrings (lib.mapAttrsToList configure cfg.interfaces)
        + lib.optionalString (cfg.defaultGateway != null) "ip route replace default via ${cfg.defaultGateway}\n"
        + lib.optionalString (cfg.defaultGateway6 != null) "ip -6 route replace default via ${cfg.defaultGateway6}\n"
        + cfg.custom;
    };
    runit.services.dhcpcd = lib.mkIf (cfg.useDHCP || dhcp != [ ]) {
      requires = [ "networking" ];
      runlevels = [ "default" "rescue" ];
      run = "exec dhcpcd --nobackground ${lib.optionalString (cfg.nameservers != [ ]) "--nohook resolv.conf "}"
        + (if cfg.useDHCP then "--denyinterfaces 'veth*' --denyinterfaces 'osctl*'" else lib.concatStringsSep " " dhcp)
        + "\n";
    };
  };
}
