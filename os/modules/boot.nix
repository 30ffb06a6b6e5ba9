# Kernel, initrd and their parameters.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.boot;
  cloud = cfg.kernelFlavour == "cloud-amd64";
in
{
  options.boot = {
    kernelFlavour = mkOption {
      type = types.enum [ "amd64" "cloud-amd64" ];
      default = "amd64";
      description = "Flavour of Debian's kernel: `amd64` for all hardware, `cloud-amd64` for virtual machines.";
    };
    kernelParams = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      example = lib.literalExpression ''[ "console=ttyS0,115200" ]'';
      description = "Kernel parameters.";
    };
    kernelModules = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Kernel modules to load before any service starts.";
    };
    initrd.modules = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Kernel modules that stage 1 always loads.";
    };
    initrd.availableModules = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Kernel modules that stage 1 loads if the hardware needs them.";
    };
  };

  config = {
    debian.packages = [ "linux-image-${cfg.kernelFlavour}" ];
    debian.provided = [ "zfs-modules" ];
    debian.zfsTools = [
      "base-files" "bash" "build-essential" "coreutils" "dash" "diffutils" "findutils" "grep" "gzip"
      "kmod" "linux-headers-${cfg.kernelFlavour}" "mawk" "sed" "tar" "xz-utils" "zfs-dkms"
    ];

    boot.kernelParams = [ "net.ifnames=0" "panic=30" ];
    # Modules that containers use. They cannot load modules themselves.
    boot.kernelModules = [
      "br_netfilter" "fuse" "ip6table_filter" "ip_tables" "iptable_filter" "iptable_nat" "nf_tables"
      "overlay" "tun" "veth" "wireguard"
    ];
    boot.initrd.modules = [ "loop" "overlay" "squashfs" "isofs" ];
    boot.initrd.availableModules = [
      "ahci" "nvme" "sd_mod" "sr_mod" "virtio_blk" "virtio_net" "virtio_pci" "virtio_scsi"
      "virtio_console" "vmxnet3" "xen_blkfront" "xen_netfront" "hv_netvsc" "hv_storvsc" "ena"
    ] ++ lib.optionals (!cloud) [
      "e1000" "e1000e" "igb" "igc" "ixgbe" "i40e" "ice" "tg3" "bnx2" "bnx2x" "bnxt_en" "mlx4_en" "mlx5_core"
      "r8169" "atlantic" "megaraid_sas" "mpt3sas" "aacraid" "hpsa" "smartpqi" "vmw_pvscsi"
      "xhci_pci" "ehci_pci" "usb_storage" "uas" "usbhid" "hid_generic" "vfat" "nls_ascii" "nls_cp437"
    ];

    environment.etc."vpsadminos/modules".text = lib.concatMapStrings (m: m + "\n") (lib.unique cfg.kernelModules);
    environment.files = {
      "/usr/lib/vpsadminos/stage-2" = { source = ../stage/stage-2; mode = "0755"; };
      "/usr/lib/vpsadminos/proc".source = ../stage/proc;
      "/usr/lib/vpsadminos/steps".source = ../stage/steps;
    };
  };
}
