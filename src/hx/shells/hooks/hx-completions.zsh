
# The first Tab after the command reads the completions, so a new shell does not. The folder does not
# join fpath: compinit would write its dump anew, and ask where a group may write to the folder.
__hx_offer_completions() {
  builtin trap - DEBUG  # the trap is for the lines of the user
  precmd_functions=(${precmd_functions:#__hx_offer_completions})
  (( $+functions[compdef] )) || return 0
  builtin autoload -Uz @COMPLETIONS@/zsh/_history-extended
  # somebody may have said already how to complete hx, which may be another program
  [[ -n ${_comps[history-extended]-} ]] || compdef _history-extended history-extended
  [[ -n ${_comps[hx]-} ]] || compdef _history-extended hx
}
# compinit may come after this: then at the first prompt
if (( $+functions[compdef] )); then
  __hx_offer_completions
else
  typeset -ga precmd_functions
  precmd_functions+=(__hx_offer_completions)
fi
