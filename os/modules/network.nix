# Names, addresses, routes. Interfaces are configured by ip(8), in the order of this file.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking;

  length = { "4" = 32; "6" = 128; };
  family = v: {
    addresses = mkOption {
      type = types.listOf (types.submodule {
        options = {
          address = mkOption {
            type = types.nonEmptyStr;
            description = "Address.";
          };
          prefixLength = mkOption {
            type = types.ints.between 0 length.${v};
            description = "Length of the network prefix, in bits.";
          };
        };
      });
      default = [ ];
      description = "IPv${v} addresses, in the form of NixOS.";
    };
    routes = mkOption {
      type = types.listOf (types.submodule {
        options = {
          address = mkOption {
            type = types.nonEmptyStr;
            description = "Destination network.";
          };
          prefixLength = mkOption {
            type = types.ints.between 0 length.${v};
            description = "Prefix length of the destination network, in bits.";
          };
          via = mkOption {
            type = types.nullOr types.nonEmptyStr;
            default = null;
            description = "Router. Without it the network is directly connected.";
          };
          type = mkOption {
            type = types.nullOr (types.enum [
              "unicast" "local" "broadcast" "multicast" "blackhole" "unreachable" "prohibit" "throw"
            ]);
            default = null;
            description = "Type of the route, if it is not an ordinary one.";
          };
          options = mkOption {
            type = types.attrsOf types.nonEmptyStr;
            default = { };
            example = lib.literalExpression ''{ metric = "50"; mtu = "1400"; }'';
            description = "Further options of `ip route`.";
          };
        };
      });
      default = [ ];
      description = "IPv${v} routes through this interface.";
    };
  };

  interface = { config, ... }: {
    options = {
      useDHCP = mkOption {
        type = types.bool;
        default = false;
        description = "Whether to get an address by DHCP.";
      };
      addresses = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = lib.literalExpression ''[ "203.0.113.5/24" "2001:db8::5/64" ]'';
        description = "Addresses with prefix length; the short form of `ipv4.addresses` and `ipv6.addresses`.";
      };
      ipv4 = family "4";
      ipv6 = family "6";
      mtu = mkOption {
        type = types.nullOr (types.ints.between 68 65535);
        default = null;
        description = "MTU, in bytes.";
      };
      macAddress = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        description = "Link-layer address to set.";
      };
    };
    config.addresses = map (a: "${a.address}/${toString a.prefixLength}")
      (config.ipv4.addresses ++ config.ipv6.addresses);
  };

  gateway = description: mkOption {
    type = types.nullOr (types.coercedTo types.nonEmptyStr (address: { inherit address; }) (types.submodule {
      options = {
        address = mkOption {
          type = types.nonEmptyStr;
          description = "Address of the router.";
        };
        interface = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
          description = "Interface of the router; required for addresses in `fe80::/10`.";
        };
        metric = mkOption {
          type = types.nullOr types.ints.unsigned;
          default = null;
          description = "Metric of the route; the default route with the smallest metric is used.";
        };
      };
    }));
    default = null;
    inherit description;
  };

  words = lib.escapeShellArgs;
  # The MTU of a device is limited by that of the device below it, so lower devices come first.
  ordered = let made = cfg.bonds // cfg.bridges // cfg.vlans; in
    lib.filter (name: !(made ? ${name})) (lib.attrNames cfg.interfaces)
    ++ lib.filter (name: cfg.interfaces ? ${name})
      (lib.attrNames cfg.bonds ++ lib.attrNames cfg.bridges ++ lib.attrNames cfg.vlans);
  each = f: lib.concatMapStrings (name: f name cfg.interfaces.${name}) ordered;
  orEmpty = value: if value == null then "" else toString value;
  option = word: value: lib.optionals (value != null) [ word (toString value) ];

  routes = version: name: i: lib.concatMapStrings
    (r: "route interfaces.${name}.ipv${version}.routes -${version} ${words (
      lib.optional (r.type != null) r.type ++ [ "${r.address}/${toString r.prefixLength}" ] ++ option "via" r.via
      ++ [ "dev" name ] ++ lib.concatLists (lib.mapAttrsToList option r.options))}\n")
    i."ipv${version}".routes;
  defaultRoute = version: what: g: lib.optionalString (g != null) "route ${what} -${version} ${words (
    [ "default" "via" g.address ] ++ option "dev" g.interface ++ option "metric" g.metric)}\n";

  dhcp = lib.attrNames (lib.filterAttrs (_: i: i.useDHCP) cfg.interfaces);
  ports = lib.concatMap (d: d.interfaces) (lib.attrValues cfg.bonds ++ lib.attrValues cfg.bridges);
in
{
  options.networking = {
    hostName = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
      default = "vpsadminos";
      description = "Hostname, without the domain.";
    };
    domain = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      description = "Domain of the host.";
    };
    hostId = mkOption {
      type = types.strMatching "[0-9a-f]{8}";
      default = builtins.substring 0 8 (builtins.hashString "sha256" cfg.hostName);
      defaultText = lib.literalExpression "eight hexadecimal digits, derived from the hostname";
      description = "Host id, by which ZFS identifies the host that has imported a pool. Hosts that can access the same disks need different ids.";
    };
    useDHCP = mkOption {
      type = types.bool;
      default = cfg.interfaces == { };
      defaultText = lib.literalExpression "whether no interface is configured";
      description = "Whether to use DHCP on every Ethernet interface.";
    };
    interfaces = mkOption {
      type = types.attrsOf (types.submodule interface);
      default = { };
      description = "Interfaces, by name.";
    };
    defaultGateway = gateway "IPv4 router: an address, or a set of options.";
    defaultGateway6 = gateway "IPv6 router: an address, or a set of options.";
    nameservers = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Addresses of name servers; defaults to those from DHCP.";
    };
    custom = mkOption {
      type = types.lines;
      default = "";
      description = "Shell commands to run after everything else is configured.";
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
    environment.files."/usr/lib/vpsadminos/network".source = ../stage/network;
    runit.services.networking = {
      oneShot = true;
      requires = [ "udev-trigger" ];
      runlevels = [ "default" "rescue" ];
      run = lib.mkMerge [
        (lib.mkOrder 100 ". /usr/lib/vpsadminos/network\n")
        (each (name: i: "bring_up ${words [ name (orEmpty i.macAddress) (orEmpty i.mtu) ]}\n")
          + each (name: i: lib.concatMapStrings (a: "address ${words [ name a ]}\n") i.addresses)
          + each (routes "4") + each (routes "6")
          + defaultRoute "4" "defaultGateway" cfg.defaultGateway
          + defaultRoute "6" "defaultGateway6" cfg.defaultGateway6
          + "settle\n"
          + cfg.custom)
      ];
    };
    runit.services.dhcpcd = lib.mkIf (cfg.useDHCP || dhcp != [ ]) {
      requires = [ "networking" ];
      runlevels = [ "default" "rescue" ];
      run = "exec dhcpcd --nobackground ${lib.optionalString (cfg.nameservers != [ ]) "--nohook resolv.conf "}"
        + (if cfg.useDHCP then "--denyinterfaces ${words [ (lib.concatStringsSep "," ([ "veth*" "osctl*" ] ++ ports)) ]}" else lib.concatStringsSep " " dhcp)
        + "\n";
    };
  };
}
