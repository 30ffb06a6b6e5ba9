# What drivers load into their devices.
{ config, lib, ... }:

{
  options.hardware.firmware = lib.mkOption {
    type = lib.types.listOf lib.types.nonEmptyStr;
    default = [ ];
    example = lib.literalExpression ''[ "firmware-bnx2" "firmware-realtek" ]'';
    description = ''
      Packages with firmware. With any, packages may be of Debian's component `non-free-firmware`. What the
      drivers of stage 1 ask for (`boot.initrd.availableModules`) is in the initrd too.
    '';
  };

  config = lib.mkIf (config.hardware.firmware != [ ]) {
    debian.packages = config.hardware.firmware;
    debian.components = lib.mkAfter [ "non-free-firmware" ];
  };
}
