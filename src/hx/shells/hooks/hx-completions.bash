# ---- completions ----

# The first Tab after the command reads them, so a new shell does not. `hx` may be another program, as
# the Helix editor is: then its completions are left to whoever knows them.
__hx_complete() {
  local __hx_loader
  builtin complete -r hx history-extended 2>/dev/null
  if [[ -r @COMPLETIONS@/hx.bash ]]; then
    # shellcheck disable=SC1091
    builtin . @COMPLETIONS@/hx.bash
    [[ $(builtin type -P hx) -ef $__hx_exe ]] || builtin complete -r hx 2>/dev/null
  fi
  builtin complete -p "$1" >/dev/null 2>&1 && return 124 # bash looks again
  __hx_loader=$(builtin complete -p -D 2>/dev/null)
  [[ $__hx_loader == *' -F '* ]] || return 0
  __hx_loader=${__hx_loader#*' -F '}
  "${__hx_loader%% *}" "$@"
}

__hx_offer_completions() {
  local __hx_name
  [[ $- == *i* && ${__hx_session-} ]] || return 0
  for __hx_name in hx history-extended; do
    builtin complete -p "$__hx_name" >/dev/null || builtin complete -F __hx_complete "$__hx_name"
  done
}
