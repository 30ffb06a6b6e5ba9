# Files of the system layer. All other modules create their files through these options.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;

  file = { name, ... }: {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to create the file.";
      };
      path = mkOption {
        type = types.str;
        default = name;
        description = "Absolute path of the file. Defaults to the name of the entry.";
      };
      text = mkOption {
        type = types.lines;
        default = "";
        description = "Contents of the file; ignored if `source` or `link` is set.";
      };
      source = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "A file or directory on the build machine to copy.";
      };
      link = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/run/systemd/resolve/resolv.conf";
        description = "Target; makes the file a symbolic link.";
      };
      mode = mkOption {
        type = types.strMatching "0?[0-7]{3,4}";
        default = "0644";
        description = "Permissions, octal.";
      };
      user = mkOption {
        type = types.ints.unsigned;
        default = 0;
        description = "Numeric id of the owner.";
      };
      group = mkOption {
        type = types.ints.unsigned;
        default = 0;
        description = "Numeric id of the group.";
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
      description = "Files of the system, by absolute path. They override files of Debian's packages.";
    };
    etc = mkOption {
      type = types.attrsOf (types.submodule file);
      default = { };
      example = lib.literalExpression ''{ "motd".text = "Be careful.\n"; }'';
      description = "Files in `/etc`, by their path relative to it.";
    };
    directories = mkOption {
      type = types.attrsOf (types.submodule ({ ... }: {
        options = {
          mode = mkOption {
            type = types.strMatching "0?[0-7]{3,4}";
            default = "0755";
            description = "Permissions, octal.";
          };
          user = mkOption {
            type = types.str;
            default = "root";
            description = "Owner.";
          };
          group = mkOption {
            type = types.str;
            default = "root";
            description = "Group.";
          };
        };
      }));
      default = { };
      example = lib.literalExpression ''{ "/var/lib/thing".mode = "0700"; }'';
      description = "Directories to create at each boot, by absolute path.";
    };
    activation = mkOption {
      type = types.attrsOf types.lines;
      default = { };
      description = "Shell scripts that stage 2 runs before it starts runit, in the order of their names.";
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
    environment.etc."vpsadminos/directories".text = lib.concatStrings (lib.mapAttrsToList
      (path: f: "${path} ${f.mode} ${f.user} ${f.group}\n") config.environment.directories);
  };
}
