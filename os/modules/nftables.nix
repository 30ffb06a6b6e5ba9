# Packet filter.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.networking.nftables;

  # The tables that the rules declare. They are replaced; other tables, such as those of osctld, are kept.
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
      description = "Whether to load the rules, before any interface is brought up. If loading fails, no interface is brought up.";
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
        Rules in the syntax of nft(8). Their tables are replaced atomically when the service starts; other tables are
        not changed. No interface exists yet, so match interfaces by name, with `iifname`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    environment.etc."nftables.conf" = {
      mode = "0755";
      text = ''
        #!/usr/sbin/nft -f
        # A single transaction: the old tables stay in effect until the new ones replace them.
      '' + lib.concatMapStrings (t: "table ${t}\ndelete table ${t}\n") tables + cfg.ruleset;
    };
    runit.services.nftables = {
      oneShot = true;
      runlevels = [ "default" "rescue" ];
      run = ''
        said=$(nft -f /etc/nftables.conf 2>&1) ||
          fail "networking.nftables.ruleset: no interface is brought up, because the rules are invalid: $said. Edit /etc/nftables.conf, try: nft -c -f /etc/nftables.conf"
      '';
    };
    runit.services.networking.requires = [ "nftables" ];
  };
}
