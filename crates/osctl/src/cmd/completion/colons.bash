
# Names have the form pool:name, and bash breaks words at colons: join them, complete, cut again.
_osctl() {
    local joined=() index=0 i word
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word="${COMP_WORDS[i]}"
        if ((i > 1)) && [[ $word == :* || ${joined[${#joined[@]} - 1]} == *: ]]; then
            joined[${#joined[@]} - 1]+="$word"
        else
            joined+=("$word")
        fi
        if ((i == COMP_CWORD)); then
            index=$((${#joined[@]} - 1))
        fi
    done
    local COMP_WORDS=("${joined[@]}") COMP_CWORD=$index
    local current="${joined[index]}"
    _clap_complete_osctl "$1" "$current" "$3"
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*:}"}"}")
    fi
}
complete -o nospace -o bashdefault -F _osctl osctl
