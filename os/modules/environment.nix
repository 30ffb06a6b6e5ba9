# Files of the system layer: whatever another module writes goes through here.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;

  file = { name, ... }: {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the file is there.";
      };
      path = mkOption {
        type = types.str;
        default = name;
        description = "Where, absolute. Defaults to the name of the entry.";
      };
      text = mkOption {
        type = types.lines;
        default = "";
        description = "What is in it; ignored if there is a source or a link.";
      };
      source = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "A file or folder of the machine that builds, to be copied.";
      };
      link = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/run/systemd/resolve/resolv.conf";
        description = "Makes it a symbolic link to that.";
      };
      mode = mkOption {
        type = types.strMatching "0?[0-7]{3,4}";
        default = "0644";
        description = "Its permissions, octal.";
      };
      user = mkOption {
        type = types.ints.unsigned;
        default = 0;
        description = "Number of its owner.";
      };
      group = mkOption {
        type = types.ints.unsigned;
        default = 0;
        description = "Number of its group.";
      };
    };
  };
in
{
  options.environment = {
    files = mkOption {
      type = types.attrsOf (types.submodule file);
      default = { };
      example = lib.literalExpression ''{ "/usr/local/bin/hello" = { text = "#!/bin/sh\necho hello\n"; mode = "0755"; }; }'';
      description = "Files of the system, by absolute path. They lie over those of Debian's packages.";
    };
    etc = mkOption {
      type = types.attrsOf (types.submodule file);
      default = { };
      example = lib.literalExpression ''{ "motd".text = "Be careful.\n"; }'';
      description = "Files in `/etc`, by their path there.";
    };
    folders = mkOption {
      type = types.attrsOf (types.submodule ({ ... }: {
        options = {
          mode = mkOption {
            type = types.strMatching "0?[0-7]{3,4}";
            default = "0755";
            description = "Its permissions, octal.";
          };
          user = mkOption {
            type = types.str;
            default = "root";
            description = "Its owner.";
          };
          group = mkOption {
            type = types.str;
            default = "root";
            description = "Its group.";
          };
        };
      }));
      default = { };
      example = lib.literalExpression ''{ "/var/lib/thing".mode = "0700"; }'';
      description = "Folders that are made at each boot, by absolute path.";
    };
    activation = mkOption {
      type = types.attrsOf types.lines;
      default = { };
      description = "Shell scripts that stage 2 runs before runit, in the order of their names.";
    };
  };

  config = {
    environment.files = lib.mkMerge [
      (lib.mapAttrs' (name: file: lib.nameValuePair "/etc/${name}" (file // { path = "/etc/${name}"; }))
        config.environment.etc)
      (lib.mapAttrs' (name: text: lib.nameValuePair "/usr/lib/vpsadminos/activate.d/${name}" {
        text = "#!/bin/bash\nset -eu\n" + text;
        mode = "0755";
      }) config.environment.activation)
    ];
    environment.etc."vpsadminos/folders".text = lib.concatStrings (lib.mapAttrsToList
      (path: f: "${path} ${f.mode} ${f.user} ${f.group}\n") config.environment.folders);
  };
}
