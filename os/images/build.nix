# Derivations without nixpkgs: a bash script, run with the programs of the machine.
{ }:

{
  # script NAME FILE ENV: runs the builder FILE with the attributes ENV as its environment.
  script = name: file: env: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/bash";
    args = [ "-euo" "pipefail" "-c" "source ${file}" ];
    PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
  } // env);
}
