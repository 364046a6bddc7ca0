# fish completion for bondctl, as bondctl completion fish prints it.

function __bondctl_words
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l words ($before[1] completion --words -- $before[2..] "$current" 2>/dev/null)
    if test "$words[1]" = :files
        set -l stem (string match -r '^-[^=]*=' -- $current)
        __fish_complete_path (string replace -r '^-[^=]*=' '' -- $current) | string replace -r '^' -- "$stem"
        return
    end
    printf '%s\n' $words
end

complete --command bondctl --no-files --arguments '(__bondctl_words)'
