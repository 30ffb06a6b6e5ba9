# Devices: udev without systemd.
{ ... }:

{
  debian.packages = [ "udev" ];
  runit.services = {
    udev = {
      run = "exec /usr/lib/systemd/systemd-udevd";
      # The socket exists before udevd has read its rules; it answers afterwards.
      check = "udevadm control --ping --timeout=1";
      runlevels = [ "default" "rescue" "single" ];
    };
    udev-trigger = {
      oneShot = true;
      requires = [ "udev" ];
      run = ''
        udevadm trigger --type=subsystems --action=add
        udevadm trigger --type=devices --action=add
        udevadm settle --timeout=60 || warn "devices are not settled after 60 s: $(udevadm info --export-db | grep -c ^P:) are known"
      '';
      runlevels = [ "default" "rescue" "single" ];
    };
  };
}
