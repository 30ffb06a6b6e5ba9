# Network devices on top of other devices: bonds, VLANs, bridges.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking;
  ports = description: mkOption {
    type = types.listOf types.nonEmptyStr;
    inherit description;
  };

  # A VLAN may be on another VLAN, which has to be created first.
  vlans = lib.toposort (a: b: cfg.vlans.${b}.interface == a) (lib.attrNames cfg.vlans);
  each = set: f: lib.concatStrings (lib.mapAttrsToList f set);
  words = lib.escapeShellArgs;

  # [ { port = "eth0"; of = "bonds.bond0"; } ... ]
  memberships = lib.concatLists (lib.mapAttrsToList
    (kind: set: lib.concatLists (lib.mapAttrsToList
      (name: d: map (port: { inherit port; of = "${kind}.${name}"; }) d.interfaces) set))
    { inherit (cfg) bonds bridges; });
  names = lib.attrNames cfg.bonds ++ lib.attrNames cfg.bridges ++ lib.attrNames cfg.vlans;
in
{
  options.networking = {
    bonds = mkOption {
      type = types.attrsOf (types.submodule {
        options = {
          interfaces = ports "Interfaces to combine.";
          driverOptions = mkOption {
            type = types.attrsOf types.nonEmptyStr;
            default = { };
            example = lib.literalExpression ''{ mode = "802.3ad"; miimon = "100"; lacp_rate = "fast"; }'';
            description = ''
              Options of the bond, as listed by `ip link add type bond help`. Without `miimon` the bond does not
              detect an unplugged cable.
            '';
          };
        };
      });
      default = { };
      example = lib.literalExpression ''
        { bond0 = { interfaces = [ "eth0" "eth1" ]; driverOptions = { mode = "active-backup"; miimon = "100"; }; }; }
      '';
      description = "Bonds, by name: several interfaces combined to one.";
    };
    vlans = mkOption {
      type = types.attrsOf (types.submodule {
        options = {
          id = mkOption {
            type = types.ints.between 1 4094;
            description = "VLAN id.";
          };
          interface = mkOption {
            type = types.nonEmptyStr;
            description = "Parent interface.";
          };
        };
      });
      default = { };
      example = lib.literalExpression ''{ "bond0.10" = { id = 10; interface = "bond0"; }; }'';
      description = "VLANs, by the name of their interface.";
    };
    bridges = mkOption {
      type = types.attrsOf (types.submodule {
        options.interfaces = ports "Interfaces to add as ports; may be empty.";
      });
      default = { };
      example = lib.literalExpression ''{ br0.interfaces = [ "eth0" ]; }'';
      description = "Bridges, by name.";
    };
  };

  config = {
    assertions = lib.mapAttrsToList
      (port: all: {
        assertion = lib.length all == 1;
        message = "networking: ${port} is a port of ${lib.concatMapStringsSep " and " (m: m.of) all}; it can be one of one only";
      })
      (lib.groupBy (m: m.port) memberships)
    ++ map
      (m: {
        assertion = let i = cfg.interfaces.${m.port} or { addresses = [ ]; useDHCP = false; }; in
          i.addresses == [ ] && !i.useDHCP;
        message = "networking.interfaces.${m.port} has an address and is a port of ${m.of}: a port answers to none; give it to networking.interfaces.${lib.last (lib.splitString "." m.of)}";
      })
      memberships
    ++ map
      (name: {
        assertion = builtins.match "[^/:[:space:]]{1,15}" name != null && name != "." && name != "..";
        message = "networking: ${name} cannot be an interface: a name has at most 15 characters, and no slash, colon or space";
      })
      names
    ++ [
      {
        assertion = lib.allUnique names;
        message = "networking: one name for two of bonds, bridges and vlans: ${toString (lib.filter (n: lib.count (m: m == n) names > 1) (lib.unique names))}";
      }
      {
        assertion = vlans ? result;
        message = "networking.vlans: these form a cycle: ${toString (vlans.cycle or [ ])}";
      }
    ];

    # Otherwise the driver would create a bond0 when it is loaded.
    environment.etc."modprobe.d/bonding.conf".text = "options bonding max_bonds=0\n";

    # Bring up all of them, even those that are not in networking.interfaces.
    networking.interfaces = lib.genAttrs (names ++ lib.mapAttrsToList (_: v: v.interface) cfg.vlans) (_: { });

    runit.services.networking.run = lib.mkBefore (each cfg.bonds (name: b:
      "make bond bonds.${name} ${words ([ name ] ++ lib.concatLists (lib.mapAttrsToList (k: v: [ k v ]) b.driverOptions))}\n"
      + "ports bonds.${name} ${words ([ name ] ++ b.interfaces)}\n")
    + each cfg.bridges (name: _: "make bridge bridges.${name} ${name}\n")
    + lib.concatMapStrings
      (name: let v = cfg.vlans.${name}; in "make vlan vlans.${name} ${words [ name v.interface "id" (toString v.id) ]}\n")
      (vlans.result or [ ])
    + each cfg.bridges (name: b: "ports bridges.${name} ${words ([ name ] ++ b.interfaces)}\n"));
  };
}
