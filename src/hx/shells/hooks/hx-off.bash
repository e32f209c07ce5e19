# Removes the hook of hx, whatever its version, from the running bash: what its variables and functions
# are called is enough. Its end is recorded as that of a shell.
# shellcheck shell=bash

__hx_off() {
  local -
  set +aekuvx
  local IFS=$' \t\n' __hx_name
  if declare -F __hx_exit >/dev/null; then __hx_exit && builtin trap - XFSZ; fi
  __hx_off_exit
  __hx_off_prompt
  __hx_off_histcontrol
  __hx_off_keys
  __hx_off_completions
  # shellcheck disable=SC2046 # names
  builtin unset -f $(compgen -A function __hx_)
  for __hx_name in ${!__hx_@}; do
    [[ $__hx_name == __hx_name ]] || builtin unset -v "$__hx_name"
  done
  builtin unset -v __hx_keys HX_SESSION HX_LINE HX_UNRECORDED
}

__hx_off_exit() { # the lines of the hook come before those of the user
  local __hx_trap=() __hx_text
  __hx_text=$(trap -p EXIT)
  [[ $__hx_text == *__hx_* ]] || return 0
  builtin eval "__hx_trap=(${__hx_text#trap -- })"
  __hx_without_lines "${__hx_trap[0]}"
  if [[ $REPLY ]]; then builtin trap -- "$REPLY" EXIT; else builtin trap - EXIT; fi
}

__hx_without_lines() { # $1 without the lines that begin with a function of the hook -> REPLY
  local __hx_rest=$1$'\n' __hx_line
  REPLY=
  while [[ $__hx_rest ]]; do
    __hx_line=${__hx_rest%%$'\n'*} __hx_rest=${__hx_rest#*$'\n'}
    case $__hx_line in
    __hx_* | *'"${__hx_status-0}") && :' | *'"${__hx_given-0}") && for '*) continue ;;
    'for __hx_each in '*' && :; done'*) __hx_line=${__hx_line#*' && :; done'} && [[ $__hx_line ]] || continue ;;
    esac
    REPLY+=$__hx_line$'\n'
  done
  REPLY=${REPLY%$'\n'}
}

__hx_off_prompt() {
  local __hx_kept=() __hx_each
  for __hx_each in "${PROMPT_COMMAND[@]}"; do
    __hx_without_lines "$__hx_each"
    [[ ! $REPLY ]] || __hx_kept+=("$REPLY")
  done
  if [[ "${PROMPT_COMMAND[*]}" == *__hx_* ]]; then
    builtin unset -v PROMPT_COMMAND
    case ${#__hx_kept[@]} in
    0) ;;
    1) PROMPT_COMMAND=$__hx_kept ;;
    *) PROMPT_COMMAND=("${__hx_kept[@]}") ;;
    esac
  fi
  for __hx_each in "${__hx_ps0-}" "${__hx_stamp-}"; do
    [[ ! $__hx_each ]] || PS0=${PS0/"$__hx_each"/}
  done
  [[ ${PS0-} ]] || builtin unset -v PS0
  __hx_off_lists
}

__hx_off_lists() { # those of bash-preexec and of ble.sh
  local __hx_kept=() __hx_each
  if [[ "${precmd_functions[*]-}" == *__hx_* ]]; then
    for __hx_each in "${precmd_functions[@]}"; do
      [[ $__hx_each == __hx_* ]] || __hx_kept+=("$__hx_each")
    done
    precmd_functions=("${__hx_kept[@]}")
  fi
  if [[ ${__hx_ble-} == 1 ]]; then
    blehook PREEXEC-=__hx_ble_started
    blehook POSTEXEC-=__hx_ble_ended
  fi
}

__hx_off_histcontrol() { # the hook does the work of ignoredups itself
  [[ ${HISTCONTROL-} == *hx_ignoredups* ]] || return 0
  HISTCONTROL=${HISTCONTROL/ignorespace:hx_ignoredups/ignoreboth}
  HISTCONTROL=${HISTCONTROL//hx_ignoredups/ignoredups}
}

__hx_off_keys() { # a key that somebody else has bound since stays as it is
  local __hx_map __hx_key __hx_kept
  for __hx_map in emacs-standard vi-insert vi-command; do
    for __hx_key in '\C-r' '\e[A' '\eOA'; do
      [[ $'\n'$(builtin bind -m "$__hx_map" -s) == *$'\n"'"$__hx_key"'"'*'\C-x\C-_hx'[12]* ]] || continue
      __hx_kept=${__hx_keys[$__hx_map $__hx_key]-}
      case $__hx_kept in
      -s*) builtin bind -m "$__hx_map" "${__hx_kept#-s}" ;;
      -X*)
        __hx_as_typed "${__hx_kept#-X}"
        builtin bind -m "$__hx_map" -r "$__hx_key"
        builtin bind -m "$__hx_map" -x "$REPLY"
        ;;
      *) [[ $__hx_key == '\C-r' ]] && __hx_kept=reverse-search-history || __hx_kept=previous-history
        builtin bind -m "$__hx_map" "\"$__hx_key\": $__hx_kept" ;;
      esac
    done
    for __hx_key in 0 1 2; do builtin bind -m "$__hx_map" -r "\\C-x\\C-_hx$__hx_key"; done
  done
}

__hx_off_completions() {
  local __hx_name
  for __hx_name in hx history-extended; do
    [[ $(builtin complete -p "$__hx_name") != *' __hx_complete '* ]] || builtin complete -r "$__hx_name"
  done
}

__hx_as_typed() { # what `bind -X` prints: before 5.3 it escapes what `bind -x` does not read so
  REPLY=$1
  ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 503)) || return 0
  REPLY=${REPLY#*'": "'} REPLY=${REPLY%'"'}
  REPLY=${REPLY//'\\'/$'\1'} REPLY=${REPLY//'\"'/'"'}
  REPLY="\"$__hx_key\": ${REPLY//$'\1'/\\}"
}

{ __hx_off; } 2>/dev/null
