# Completes history-extended, the other name of hx: `hx` may be another program.
string replace -r '^complete -c hx ' 'complete -c history-extended ' <(status dirname)/../hx.fish \
    | string match -v 'complete -c history-extended -w hx' | source
