# Halt, poweroff and reboot: templates for the reason, and hooks.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.runit.halt;

  script = what: types.submodule {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to install the script.";
      };
      text = mkOption {
        type = types.lines;
        default = "";
        description = "${what} Ignored if `source` is set.";
      };
      source = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "A file on the build machine, instead of `text`.";
      };
    };
  };
  isProgram = s: lib.hasPrefix "#!" (if s.source != null then builtins.readFile s.source else s.text);
  enabled = lib.filterAttrs (_: s: s.enable);
  files = directory: mode: set: lib.mapAttrs'
    (name: s: lib.nameValuePair "runit/${directory}/${name}" ({ mode = mode s; } // (
      if s.source != null then { inherit (s) source; } else { inherit (s) text; })))
    (enabled set);
in
{
  options.runit.halt = {
    reasonTemplates = mkOption {
      type = types.attrsOf (script "Initial text of the reason; if it begins with `#!`, a program that writes the text to `$HALT_REASON_FILE`.");
      default = { };
      example = lib.literalExpression ''{ "10-ticket".text = "Ticket: \n"; }'';
      description = "Templates that are offered in the editor for the reason, in the order of their names.";
    };
    hooks = mkOption {
      type = types.attrsOf (script "Script, with `#!`.");
      default = { };
      example = lib.literalExpression ''{ "10-notify".text = "#!/bin/sh\ncurl -s https://example.org/down?host=$(hostname)\n"; }'';
      description = ''
        Programs to run before the system shuts down, in the order of their names. Each has a timeout of one minute.
        Environment variables: `HALT_HOOK` (`pre-system`), `HALT_ACTION` (`poweroff`, `reboot`) and `HALT_REASON`.
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
    environment.directories = {
      "/etc/runit/halt.hook.d" = { };
      "/etc/runit/halt.reason.d" = { };
    };
  };
}
