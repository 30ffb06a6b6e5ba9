# Options of the system as a whole.
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
      description = "Version of the system, printed during the boot.";
    };
    squashfsLevel = mkOption {
      type = types.ints.between 1 22;
      default = 9;
      description = "Compression level of zstd. Level 19 saves 10 % and takes minutes.";
    };
    changesSize = mkOption {
      type = types.strMatching "[0-9]+[%kmg]";
      default = "50%";
      description = "Maximum size of changes of the root file system, which are kept in memory; in the syntax of tmpfs(5).";
    };
  };
}
