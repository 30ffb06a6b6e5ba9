# Halt, poweroff, reboot: what they ask, and who is told first.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.runit.halt;

  script = what: types.submodule {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether it is there.";
      };
      text = mkOption {
        type = types.lines;
        default = "";
        description = "${what} Ignored if there is a source.";
      };
      source = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "A file of the machine that builds, instead.";
      };
    };
  };
  isProgram = s: lib.hasPrefix "#!" (if s.source != null then builtins.readFile s.source else s.text);
  enabled = lib.filterAttrs (_: s: s.enable);
  files = folder: mode: set: lib.mapAttrs'
    (name: s: lib.nameValuePair "runit/${folder}/${name}" ({ mode = mode s; } // (
      if s.source != null then { inherit (s) source; } else { inherit (s) text; })))
    (enabled set);
in
{
  options.runit.halt = {
    reasonTemplates = mkOption {
      type = types.attrsOf (script "Text that whoever gives a reason begins with; with `#!` a program that writes to `$HALT_REASON_FILE`.");
      default = { };
      example = lib.literalExpression ''{ "10-ticket".text = "Ticket: \n"; }'';
      description = "What the editor offers for a reason, in the order of the names.";
    };
    hooks = mkOption {
      type = types.attrsOf (script "Script, with `#!`.");
      default = { };
      example = lib.literalExpression ''{ "10-tell".text = "#!/bin/sh\ncurl -s https://example.org/down?host=$(hostname)\n"; }'';
      description = ''
        Programs that run before the system goes down, in the order of the names, each for at most a minute.
        They know `HALT_HOOK` (`pre-system`), `HALT_ACTION` (`poweroff`, `reboot`) and `HALT_REASON`.
      '';
    };
  };

  config = {
    environment.files = {
      "/usr/sbin/halt" = { source = ../stage/halt; mode = "0755"; };
      "/usr/sbin/reboot".link = "halt";
      "/usr/sbin/poweroff".link = "halt";
    };
    environment.etc = files "halt.hook.d" (_: "0755") cfg.hooks
      // files "halt.reason.d" (s: if isProgram s then "0755" else "0644")
        cfg.reasonTemplates;
    environment.folders = {
      "/etc/runit/halt.hook.d" = { };
      "/etc/runit/halt.reason.d" = { };
    };
  };
}
