# Removes the hook of hx, whatever its version, from the running zsh: what its variables and functions
# are called is enough. Its end is recorded as that of a shell.
\builtin emulate zsh -c '
__hx_off() {
  setopt local_options extended_glob
  local name line
  (( ! $+functions[__hx_zshexit] )) || __hx_zshexit
  for name in preexec_functions precmd_functions zshaddhistory_functions zshexit_functions; do
    (( ${(P)+name} )) || continue
    set -A $name ${(P)name:#__hx_*}
    (( ${#${(P)name}} )) || unset $name
  done
  if [[ -o zle ]]; then
    # a key that somebody else has bound since stays as it is
    for line in ${(f)__hx_keys-}; do
      __hx_is_key_of_hook ${(Q)${(z)line}} && eval $line
    done
    for name in ${(k)widgets[(R)user:__hx_*]} ${(k)widgets[(I)(hx-|__hx_)*]}; do zle -D $name; done
  fi
  (( ! $+_comps )) || _comps=(${(kv)_comps[(R)^_history-extended]})
  unset HX_SESSION
  unset -m "__hx_*"
  unfunction -m "__hx_*" _history-extended
}

__hx_is_key_of_hook() {  # the words of a line of bindkey -L
  local map=emacs
  [[ $2 != -a ]] || map=vicmd
  [[ $2 != -M ]] || map=$3
  [[ $2 != -s ]] || map=$4
  [[ $(builtin bindkey -M $map -- ${@[-2]}) == *(hx-|__hx_)* ]]
}

__hx_off
' 2>/dev/null
