# bash completion for bondctl, as bondctl completion bash prints it.

_bondctl() {
    local i word words=() current lead= stem=
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        # Bash takes --flag=value for three words.
        if ((${#words[@]})) && [[ $word == "=" || ${COMP_WORDS[i - 1]} == "=" ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    current=${words[-1]}
    # What it puts words in the place of is the last of the three.
    lead=${current%"${current##*=}"}
    [[ $COMP_WORDBREAKS == *=* ]] && stem=$lead
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "${current#"$lead"}")
            COMPREPLY=("${COMPREPLY[@]/#/${lead#"$stem"}}")
            return
        fi
        COMPREPLY+=("${word#"$stem"}")
    done < <("${1/#\~/$HOME}" completion --words -- "${words[@]}" 2>/dev/null)
}

complete -F _bondctl bondctl
