# Names, addresses, routes. Interfaces are configured by ip(8), in the order of this page.
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
            description = "The address.";
          };
          prefixLength = mkOption {
            type = types.ints.between 0 length.${v};
            description = "How many bits of it are those of the network.";
          };
        };
      });
      default = [ ];
      description = "Addresses of IPv${v}, as NixOS writes them.";
    };
    routes = mkOption {
      type = types.listOf (types.submodule {
        options = {
          address = mkOption {
            type = types.nonEmptyStr;
            description = "Network that it leads to.";
          };
          prefixLength = mkOption {
            type = types.ints.between 0 length.${v};
            description = "Length of that network's prefix.";
          };
          via = mkOption {
            type = types.nullOr types.nonEmptyStr;
            default = null;
            description = "Router; without it the network is on this wire.";
          };
          type = mkOption {
            type = types.nullOr (types.enum [
              "unicast" "local" "broadcast" "multicast" "blackhole" "unreachable" "prohibit" "throw"
            ]);
            default = null;
            description = "What happens to packets, if they are not just sent.";
          };
          options = mkOption {
            type = types.attrsOf types.nonEmptyStr;
            default = { };
            example = lib.literalExpression ''{ metric = "50"; mtu = "1400"; }'';
            description = "Further words of `ip route`.";
          };
        };
      });
      default = [ ];
      description = "Routes of IPv${v} through this interface.";
    };
  };

  interface = { config, ... }: {
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
        description = "Addresses with the length of their prefix; the short way to write those below.";
      };
      ipv4 = family "4";
      ipv6 = family "6";
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
    config.addresses = map (a: "${a.address}/${toString a.prefixLength}")
      (config.ipv4.addresses ++ config.ipv6.addresses);
  };

  gateway = description: mkOption {
    type = types.nullOr (types.coercedTo types.nonEmptyStr (address: { inherit address; }) (types.submodule {
      options = {
        address = mkOption {
          type = types.nonEmptyStr;
          description = "Its address.";
        };
        interface = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
          description = "Interface that it is behind; one of `fe80::/10` needs it.";
        };
        metric = mkOption {
          type = types.nullOr types.ints.unsigned;
          default = null;
          description = "Among several default routes the smallest is taken.";
        };
      };
    }));
    default = null;
    inherit description;
  };

  words = lib.escapeShellArgs;
  # An MTU of a device can be as large as that of the one below it, which so comes first.
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
    defaultGateway = gateway "Router for IPv4: its address, or more about it.";
    defaultGateway6 = gateway "Router for IPv6: its address, or more about it.";
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
