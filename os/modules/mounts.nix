# File systems that are no pools.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  quote = lib.escapeShellArg;

  fileSystem = { ... }: {
    options = {
      device = mkOption {
        type = types.nonEmptyStr;
        description = "What is mounted: a device, best by `/dev/disk/by-id/`, or what the file system takes instead.";
      };
      fsType = mkOption {
        type = types.nonEmptyStr;
        example = "ext4";
        description = "Its kind.";
      };
      options = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = lib.literalExpression ''[ "ro" "nofail" ]'';
        description = "Options of mount(8). With `nofail` a device that is not there is no error.";
      };
    };
  };

  # /var/lib/thing is mounted by mount-var-lib-thing.
  name = path: "mount" + lib.replaceStrings [ "/" ] [ "-" ] path;
  isDevice = fs: lib.hasPrefix "/dev/" fs.device;

  service = path: fs: lib.nameValuePair (name path) {
    oneShot = true;
    requires = lib.optional (isDevice fs) "udev-trigger";
    onChange = "ignore";
    run = lib.optionalString (isDevice fs) (
      if lib.elem "nofail" fs.options then ''
        [ -e ${quote fs.device} ] || stand_down ${quote "there is no ${fs.device}: ${path} stays empty"}
      '' else ''
        wait_until 30 ${quote "there is no ${fs.device}; lsblk shows which disks there are"} test -e ${quote fs.device}
      '') + ''
      mkdir -p ${quote path}
      mountpoint -q ${quote path} || error=$(mount -t ${quote fs.fsType} ${
        lib.optionalString (fs.options != [ ]) "-o ${quote (lib.concatStringsSep "," fs.options)} "
      }${quote fs.device} ${quote path} 2>&1) || fail ${quote path} "cannot be mounted: $error"
    '';
  };
in
{
  options.fileSystems = mkOption {
    type = types.attrsOf (types.submodule fileSystem);
    default = { };
    example = lib.literalExpression ''{ "/srv" = { device = "/dev/disk/by-id/a"; fsType = "ext4"; }; }'';
    description = "File systems that are mounted at boot, by their path. Those of pools are not among them.";
  };

  config.runit.services = lib.mapAttrs' service config.fileSystems;
}
