# Builder of tree.nix: unpacks $packages into $out, writes special modes and owners to $modes.
umask 022
mkdir -p "$out"/usr/{bin,sbin,lib,lib64}
for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$out/$directory"; done

# Documentation is a sixth of the total size, and available online.
left_out=(./usr/share/{doc,doc-base,info,lintian,locale,bug,man,menu,pixmaps,icons,applications,gdb}
    './usr/share/perl/*/unicore/lib' './usr/share/i18n/charmaps/*' ./usr/lib/systemd/system-generators)

# Debian's archives list every file with its owner; a store path can keep neither that nor setuid bits.
# Converts lines such as "-rwsr-xr-x 0/42 ... ./usr/bin/name" to octal modes, for special files only.
special_modes() {
    tar -tv --numeric-owner | awk '
        {
            kind = substr($1, 1, 1); letters = substr($1, 2, 9); mode = 0
            if (kind != "-" && kind != "d") next
            for (i = 1; i <= 9; i++) {
                c = substr(letters, i, 1); mode = mode * 2 + (c ~ /[rwxst]/)
            }
            if (substr(letters, 3, 1) ~ /[sS]/) mode += 2048
            if (substr(letters, 6, 1) ~ /[sS]/) mode += 1024
            if (substr(letters, 9, 1) ~ /[tT]/) mode += 512
            split($2, owner, "/"); plain = (kind == "d" || mode % 2) ? 493 : 420
            if (mode == plain && owner[1] == 0 && owner[2] == 0) next
            name = $0; sub(/^[^.]*\.\//, "", name); sub(/\/$/, "", name)
            if (name == "" || name ~ / /) next
            printf "%s m %o %d %d\n", name, mode, owner[1], owner[2]
        }'
}

for package in $packages; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -x -C "$out" --keep-directory-symlink --no-same-owner --no-same-permissions \
            --anchored --wildcards "${left_out[@]/#/--exclude=}"
    dpkg-deb --fsys-tarfile "$package" | special_modes
done | sed 's,^\(bin\|sbin\|lib\|lib64\)/,usr/\1/,' | sort -u >"$modes.all"

# Excluded files have no mode.
while read -r name rest; do
    if [ -e "$out/$name" ] && [ ! -L "$out/$name" ]; then printf '%s %s\n' "$name" "$rest"; fi
done <"$modes.all" >"$modes"
rm "$modes.all"

# The image builder has to read directories of mode 0700, too.
find "$out" ! -type l \( ! -perm -u+r -o -type d ! -perm -u+wx \) -exec chmod u+rwX {} +
for modules in "$out"/usr/lib/modules/*/kernel; do
    [ ! -d "$modules" ] || depmod -b "$out" "$(basename "${modules%/kernel}")"
done
ldconfig -r "$out"
