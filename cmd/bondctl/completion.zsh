#compdef bondctl
# zsh completion for bondctl, as bondctl completion zsh prints it.

_bondctl() {
    local line word tab=$'\t'
    local -a lines candidates
    lines=("${(@f)$("${${(Q)words[1]}/#\~/$HOME}" completion --words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ $lines[1] == :files ]]; then
        compset -P '-*='
        _files
        return
    fi
    for line in $lines; do
        # _describe takes word:meaning.
        word=${${line%%$tab*}//:/\\:}
        [[ $line == *$tab* ]] && word+=:${line#*$tab}
        candidates+=("$word")
    done
    _describe -V bondctl candidates
}

# Read by source it is told of; found in fpath it is the function itself.
if [[ $funcstack[1] == _bondctl ]]; then
    _bondctl "$@"
else
    compdef _bondctl bondctl
fi
