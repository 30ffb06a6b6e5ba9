# Images that a machine boots. `netboot` combines them in one directory.
{ lib, build, config, tree, zfs, lock, programs }:

let
  # "linux-image-6.12.117+deb13-cloud-amd64" is the only package with such a name in a lock.
  kernelPackage = lib.findFirst (p: builtins.match "linux-image-[0-9].*" p.name != null)
    (throw "${toString lock} has no kernel: boot.kernelFlavour says which, os/debian/resolve finds it")
    (builtins.fromJSON (builtins.readFile lock));
  kernel = lib.removePrefix "linux-image-" kernelPackage.name;

  root = build.script "root-squashfs" ./root.sh {
    inherit tree zfs kernel;
    inherit (tree) modes;
    squashfs = ./squashfs.sh;
    leftOut = config.debian.leftOut;
    level = config.system.squashfsLevel;
  };

  files = lib.attrValues (lib.filterAttrs (_: file: file.enable) config.environment.files);
  # Texts are passed as files, named by their index in the list.
  texts = lib.listToAttrs (lib.imap0 (i: file: lib.nameValuePair "text${toString i}" file.text) files);
  system = build.script "system-squashfs" ./system.sh (texts // {
    passAsFile = lib.attrNames texts ++ [ "manifest" ];
    # Lines: path mode owner group kind, and for kind "source" or "link" the target.
    manifest = lib.concatStrings (lib.imap0 (i: file:
      let kind =
        if file.link != null then "link ${file.link}"
        else if file.source != null then "source ${file.source}"
        else "text ${toString i}";
      in "${file.path} ${file.mode} ${toString file.user} ${toString file.group} ${kind}\n") files);
    squashfs = ./squashfs.sh;
    level = config.system.squashfsLevel;
    programs = if programs == null then "" else builtins.path { path = programs; name = "programs"; };
  });

  stage1 = build.script "stage-1" ./stage-1.sh {
    inherit tree root kernel;
    stage1 = ../stage/stage-1;
    proc = ../stage/proc;
    udhcpc = ../stage/udhcpc.script;
    always = config.boot.initrd.modules;
    available = config.boot.initrd.availableModules;
    changesSize = config.system.changesSize;
    version = config.system.version;
  };

  initrd = build.script "initrd" ./initrd.sh { inherit stage1; systemLayer = system; };
  commandLine = lib.concatStringsSep " " config.boot.kernelParams;
in
{
  inherit root system stage1 initrd;

  netboot = build.script "netboot" ./netboot.sh {
    inherit tree root initrd kernel commandLine;
  };
}
