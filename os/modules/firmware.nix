# Firmware of devices.
{ config, lib, ... }:

{
  options.hardware.firmware = lib.mkOption {
    type = lib.types.listOf lib.types.nonEmptyStr;
    default = [ ];
    example = lib.literalExpression ''[ "firmware-bnx2" "firmware-realtek" ]'';
    description = ''
      Packages with firmware. If there are any, Debian's component `non-free-firmware` is enabled. Firmware that the
      drivers of stage 1 need (`boot.initrd.availableModules`) is added to the initrd, too.
    '';
  };

  config = lib.mkIf (config.hardware.firmware != [ ]) {
    debian.packages = config.hardware.firmware;
    debian.components = lib.mkAfter [ "non-free-firmware" ];
  };
}
