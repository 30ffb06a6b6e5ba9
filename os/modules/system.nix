# What does not belong to any other subject.
{ config, lib, ... }:

let inherit (lib) mkOption types; in
{
  config.environment.etc = {
    "os-release".text = ''
      NAME="vpsAdminOS"
      PRETTY_NAME="vpsAdminOS ${config.system.version}"
      ID=vpsadminos
      ID_LIKE=debian
      VERSION_ID="${config.system.version}"
    '';
    issue.text = "vpsAdminOS ${config.system.version} \\n \\l\n\n";
  };


  options.system = {
    version = mkOption {
      type = types.str;
      default = "0.1";
      description = "Version that the boot prints.";
    };
    squashfsLevel = mkOption {
      type = types.ints.between 1 22;
      default = 9;
      description = "How hard zstd tries; 19 saves a tenth and takes minutes.";
    };
    changesSize = mkOption {
      type = types.strMatching "[0-9]+[%kmg]";
      default = "50%";
      description = "How much memory changes of the root file system may take, in the words of tmpfs(5).";
    };
  };
}
