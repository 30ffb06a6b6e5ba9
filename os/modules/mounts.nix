# File systems that are not part of pools.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  quote = lib.escapeShellArg;

  fileSystem = { ... }: {
    options = {
      device = mkOption {
        type = types.nonEmptyStr;
        description = "Device to mount, preferably by `/dev/disk/by-id/`, or the equivalent for file systems without a device.";
      };
      fsType = mkOption {
        type = types.nonEmptyStr;
        example = "ext4";
        description = "Type of the file system.";
      };
      options = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = lib.literalExpression ''[ "ro" "nofail" ]'';
        description = "Options of mount(8). With `nofail` a missing device is not an error.";
      };
    };
  };

  # The service mount-var-lib-thing mounts /var/lib/thing.
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
    description = "File systems to mount at boot, by mount point. Do not list datasets of pools.";
  };

  config.runit.services = lib.mapAttrs' service config.fileSystems;
}
