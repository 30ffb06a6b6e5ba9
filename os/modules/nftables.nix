# Packet filter.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking.nftables;

  # Each table that the rules declare, to be replaced: other tables, such as those of osctld, stay.
  family = "ip|ip6|inet|arp|bridge|netdev";
  tables = lib.unique (lib.concatMap
    (line:
      let found = builtins.match "[[:space:]]*((add|create)[[:space:]]+)?table[[:space:]]+((${family})[[:space:]]+)?([A-Za-z_][A-Za-z0-9_/.-]*)[[:space:]]*([{].*|;.*|)" line;
      in lib.optional (found != null)
        "${if lib.elemAt found 3 == null then "ip" else lib.elemAt found 3} ${lib.elemAt found 4}")
    (lib.splitString "\n" cfg.ruleset));
in
{
  options.networking.nftables = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the rules are loaded, before any interface is up. If they cannot be, none comes up.";
    };
    ruleset = mkOption {
      type = types.lines;
      default = "";
      example = lib.literalExpression ''
        '''
          table inet filter {
            chain input {
              type filter hook input priority filter; policy drop;
              ct state established,related accept
              iifname { "lo", "br0" } accept
              tcp dport 22 accept
            }
          }
        '''
      '';
      description = ''
        Rules in the language of nft(8). Their tables are replaced at once when the service starts; what
        is in other tables stays. No interface is up yet: match names, with `iifname`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    environment.etc."nftables.conf" = {
      mode = "0755";
      text = ''
        #!/usr/sbin/nft -f
        # All in one transaction: the tables of before are there until those of this file are.
      '' + lib.concatMapStrings (t: "table ${t}\ndelete table ${t}\n") tables + cfg.ruleset;
    };
    runit.services.nftables = {
      oneShot = true;
      runlevels = [ "default" "rescue" ];
      run = ''
        said=$(nft -f /etc/nftables.conf 2>&1) ||
          fail "networking.nftables.ruleset: no interface comes up, since the rules are wrong: $said. Edit /etc/nftables.conf, try: nft -c -f /etc/nftables.conf"
      '';
    };
    runit.services.networking.requires = [ "nftables" ];
  };
}
