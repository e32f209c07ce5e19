
# The first Tab after the command reads the completions, so a new shell does not. A compinit that
# comes after this finds them in fpath.
__hx_offer_completions() {
  fpath=(${fpath:#@COMPLETIONS@/zsh} @COMPLETIONS@/zsh)
  builtin autoload -Uz _history-extended
  (( $+functions[compdef] )) || return 0
  # somebody may have said already how to complete hx, which may be another program
  [[ -n ${_comps[history-extended]-} ]] || compdef _history-extended history-extended
  [[ -n ${_comps[hx]-} ]] || compdef _history-extended hx
}
__hx_offer_completions
