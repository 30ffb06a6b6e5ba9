# Services, which runsv(8) supervises, and runlevels.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.runit;

  service = { name, ... }: {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to create the service.";
      };
      run = mkOption {
        type = types.lines;
        example = "exec chronyd -d";
        description = ''
          Shell commands that start the service and stay in the foreground; the last one is usually `exec`. For a
          `oneShot`, the commands to run.
        '';
      };
      check = mkOption {
        type = types.nullOr types.lines;
        default = null;
        description = "Shell commands that exit with status 0 if the service is ready. Without them it is ready as soon as it runs.";
      };
      finish = mkOption {
        type = types.lines;
        default = "";
        description = "Shell commands to run after the service has exited.";
      };
      stop = mkOption {
        type = types.nullOr types.lines;
        default = null;
        example = "nginx -s quit";
        description = "Shell commands that stop the service, instead of the signal TERM.";
      };
      oneShot = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the service runs only once. When it has completed, `/run/service/<name>/done` exists.";
      };
      requires = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = lib.literalExpression ''[ "udev-trigger" ]'';
        description = "Services that have to be ready, or completed, before this one starts.";
      };
      requiresTimeout = mkOption {
        type = types.ints.positive;
        default = 120;
        description = "Timeout for required services, in seconds. After it the service fails and is tried again.";
      };
      runlevels = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ "default" ];
        description = "Runlevels of the service.";
      };
      killMode = mkOption {
        type = types.enum [ "control-group" "process" ];
        default = "control-group";
        description = "Processes to kill when the service stops: all of its control group, or only the one that runit started.";
      };
      onChange = mkOption {
        type = types.enum [ "restart" "reload" "ignore" ];
        default = "restart";
        description = "Action when a new configuration is activated on the running system.";
      };
      log.enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether svlogd(8) logs the output of the service to `/var/log/<name>/current`.";
      };
      log.maxFileSize = mkOption {
        type = types.ints.unsigned;
        default = 1000000;
        description = "Maximum size of a log file, in bytes, before it is rotated.";
      };
      log.logFiles = mkOption {
        type = types.ints.positive;
        default = 5;
        description = "Number of rotated log files to keep.";
      };
    };
  };

  services = lib.filterAttrs (_: s: s.enable) cfg.services;

  runScript = name: s: ''
    #!/bin/bash
    exec 2>&1
    . /usr/lib/vpsadminos/service ${name}
  '' + lib.optionalString s.oneShot ''
    once
  '' + lib.optionalString (s.requires != [ ]) ''
    require ${toString s.requiresTimeout} ${lib.escapeShellArgs s.requires}
  '' + s.run + lib.optionalString s.oneShot ''
    is_done
  '';

  finishScript = name: s: ''
    #!/bin/bash
    . /usr/lib/vpsadminos/service-finish ${name} ${s.killMode} ${if s.oneShot then "once" else "always"} "$@"
    ${s.finish}
  '';

  logScript = name: s: ''
    #!/bin/sh
    printf 's%s\nn%s\n' ${toString s.log.maxFileSize} ${toString s.log.logFiles} >/var/log/${name}/config
    exec svlogd -tt /var/log/${name}
  '';

  script = text: { inherit text; mode = "0755"; };

  files = name: s:
    let directory = "runit/services/${name}"; in
    {
      "${directory}/run" = script (runScript name s);
      "${directory}/finish" = script (finishScript name s);
    } // lib.optionalAttrs (s.check != null) {
      "${directory}/check" = script ("#!/bin/bash\n" + s.check);
    } // lib.optionalAttrs (s.stop != null) {
      "${directory}/control/t" = script ("#!/bin/bash\n" + s.stop);
    } // lib.optionalAttrs s.oneShot {
      "${directory}/oneshot".text = "";
    } // lib.optionalAttrs s.log.enable {
      "${directory}/log/run" = script (logScript name s);
    } // lib.listToAttrs (map
      (level: lib.nameValuePair "runit/runsvdir/${level}/${name}" { link = "/etc/runit/services/${name}"; })
      s.runlevels);

  unknown = lib.unique (lib.concatLists (lib.mapAttrsToList
    (name: s: map (r: { inherit name; required = r; }) (lib.filter (r: !(services ? ${r})) s.requires))
    services));
in
{
  options.runit = {
    services = mkOption {
      type = types.attrsOf (types.submodule service);
      default = { };
      example = lib.literalExpression ''
        { hello = { run = "exec sleep 1000"; requires = [ "networking" ]; }; }
      '';
      description = "Services, by name. Each runs in its own control group.";
    };
    defaultRunlevel = mkOption {
      type = types.nonEmptyStr;
      default = "default";
      description = "Runlevel to use if the kernel parameters name none (`runlevel=`, `single`).";
    };
  };

  config = {
    assertions = map
      (u: {
        assertion = false;
        message = "runit.services.${u.name}.requires: there is no service ${u.required}";
      })
      unknown;

    debian.packages = [ "runit" ];
    environment.directories = lib.mapAttrs' (name: _: lib.nameValuePair "/var/log/${name}" { })
      (lib.filterAttrs (_: s: s.log.enable) services);
    environment.etc = lib.mkMerge (lib.mapAttrsToList files services ++ [{
      "runit/1" = { source = ../stage/runit-1; mode = "0755"; };
      "runit/2" = { source = ../stage/runit-2; mode = "0755"; };
      "runit/3" = { source = ../stage/runit-3; mode = "0755"; };
      "runit/ctrlaltdel" = script "#!/bin/sh\nexec /usr/sbin/reboot --force --message 'Ctrl-Alt-Del on the console'\n";
      "runit/default-runlevel".text = cfg.defaultRunlevel + "\n";
    }]);
    environment.files = {
      "/usr/lib/vpsadminos/service".source = ../stage/service;
      "/usr/lib/vpsadminos/service-finish".source = ../stage/service-finish;
      "/usr/sbin/svctl" = { source = ../stage/svctl; mode = "0755"; };
      "/usr/sbin/init".link = "runit-init";
      # Debian's sv(8) looks up names without a slash here.
      "/etc/service".link = "/service";
    };
  };
}
