# Builder of system.squashfs: the generated files of a configuration, and our programs.
source "$squashfs"
stage=$(mktemp -d)
chmod 0755 "$stage"
trap 'rm -rf "$stage" "$stage.modes"' EXIT
: >"$stage.modes"
while read -r path mode owner group kind what; do
    mkdir -p "$stage$(dirname "$path")"
    case $kind in
    link) ln -s "$what" "$stage$path" ;;
    source) cp -rL "$what" "$stage$path" ;;
    text) text=text${what}Path && cp "${!text}" "$stage$path" ;;
    esac
    [ "$kind" = link ] || printf '%s m %s %s %s\n' "${path#/}" "$mode" "$owner" "$group" >>"$stage.modes"
done <"$manifestPath"
if [ -n "$programs" ]; then
    # osctld looks for os-helper in its own directory.
    mkdir -p "$stage"/usr/{bin,sbin,lib/osctl}
    install -m 0755 "$programs"/{osctld,os-helper} "$stage/usr/lib/osctl/"
    install -m 0755 "$programs"/{osctl,osctl-image} "$stage/usr/bin/"
    ln -s ../lib/osctl/osctld "$stage/usr/sbin/osctld"
    mkdir -p "$stage/usr/share/bash-completion/completions"
    "$programs/osctl" completion bash >"$stage/usr/share/bash-completion/completions/osctl"
    bash "$stage/usr/sbin/svctl" gen-completion bash >"$stage/usr/share/bash-completion/completions/svctl"
fi
chmod -R u+rwX "$stage"
pack "$stage" "$stage.modes"
