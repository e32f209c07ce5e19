
# ---- the keys of the picker ----

# A key types two sequences that no user types. The first one calls __hx_pick, which binds the second
# one to what to do with the line. So a picked command runs as if it was typed, without `eval`.
__hx_bind_keys() {
  local __hx_map __hx_key
  declare -gA __hx_keys
  [[ ${TERM-dumb} != dumb && $- == *i* && (-o emacs || -o vi) ]] || return 0
  __hx_then '""'
  for __hx_map in emacs-standard vi-insert vi-command; do
    builtin bind -m "$__hx_map" -x '"\C-x\C-_hx1": __hx_pick'
    builtin bind -m "$__hx_map" -x '"\C-x\C-_hx2": __hx_pick_up'
    __hx_key_unseen=(1)
    # shellcheck disable=SC2043 # there may be only one key
    for __hx_key in @KEYS@; do
      case $__hx_key in
      ctrl-r) __hx_bind_key '\C-r' 1 ;;
      up) __hx_bind_key '\e[A' 2 && __hx_bind_key '\eOA' 2 ;;
      esac
    done
  done
}

__hx_bind_key() {
  __hx_keep_key "$1"
  builtin bind -m "$__hx_map" "\"$1\": \"\\C-x\\C-_hx$2\\C-x\\C-_hx0\""
}

# Keep the macro or the shell command of the key $1, as arguments of `bind`, for `hx init --off`.
__hx_keep_key() {
  local __hx_option __hx_reply __hx_options=(-s -X)
  # (bash 5.0 has one list of commands for all keymaps: a key with a function calls none)
  [[ ${__hx_version-} -ge 501 ]] || __hx_options=(-s -p -X)
  [[ ${__hx_session-} ]] && __hx_find_key "$1" "${__hx_options[@]}" && [[ $__hx_option != -p ]] || return 0
  [[ $__hx_reply == *_hx[12]* ]] || __hx_keys[$__hx_map $1]=$__hx_option$__hx_reply
}

# Others may have bound the keys since then: hx doctor says so. It is looked at once, after the first
# record, without a process.
__hx_look_at_keys() {
  local __hx_map=emacs-standard __hx_format='\0HX1K' __hx_lines_of_keys=() __hx_key __hx_option __hx_reply
  [[ ! -o vi ]] || __hx_map=vi-insert
  __hx_key_unseen=0
  # shellcheck disable=SC2043 # there may be only one key
  for __hx_key in @KEYS@; do
    case $__hx_key in
    ctrl-r) __hx_format+='\0k%s' && __hx_find_key '\C-r' -s -X -p ;;
    up) __hx_format+='\0a%s' && __hx_find_key '\eOA' -s -X -p ;;
    esac
    [[ $__hx_option != -s || $__hx_reply == *_hx[12]* ]] || __hx_follow_macro
    __hx_lines_of_keys+=("$__hx_reply")
  done
  builtin trap '' XFSZ
  [[ $__hx_private ]] || ! __hx_room || __hx_write "$__hx_format" "${__hx_lines_of_keys[@]}"
  builtin trap - XFSZ
}

# What bash prints of the key $1 -> __hx_reply, with the first of the options of `bind` that knows it ->
# __hx_option: -s a macro, -X a shell command, -p a function.
__hx_find_key() {
  for __hx_option in "${@:2}"; do
    __hx_print bind -m "$__hx_map" "$__hx_option" || continue
    __hx_reply=$'\n'$__hx_reply
    [[ $__hx_reply == *$'\n"'"$1"'"'* ]] || continue
    __hx_reply='"'$1'"'${__hx_reply#*$'\n"'"$1"'"'}
    __hx_reply=${__hx_reply%%$'\n'*}
    return 0
  done
  __hx_reply="\"$1\": undefined-key"
  return 1
}

# A macro that types the keys of a shell command, as that of atuin does: the command -> __hx_reply, in its place.
__hx_follow_macro() {
  local __hx_found=$__hx_reply __hx_macro=${__hx_reply#*'": "'} __hx_line __hx_name __hx_keys_of
  __hx_print bind -m "$__hx_map" -X || __hx_reply=
  while [[ $__hx_reply == *$'\n'* ]]; do
    __hx_line=${__hx_reply%%$'\n'*} __hx_reply=${__hx_reply#*$'\n'}
    __hx_name=${__hx_line#'"'*'"'} __hx_keys_of=${__hx_line:1:${#__hx_line}-${#__hx_name}-2}
    if [[ $__hx_keys_of && $__hx_macro == "$__hx_keys_of"* ]]; then
      __hx_found=${__hx_found%%'": "'*}'"'$__hx_name
    fi
  done
  __hx_reply=$__hx_found
}

__hx_then() { # then comes the function $1 (in each keymap: bash 5.0 has one list of commands for all)
  local __hx_map
  for __hx_map in emacs-standard vi-insert vi-command; do
    builtin bind -m "$__hx_map" "\"\\C-x\\C-_hx0\": $1"
  done
}

# The line goes through a pipe, because other users can see arguments and environment.
__hx_pick() { # with the options $1 ...
  local __hx_found
  __hx_found=
  __hx_ask "$@"
  # the text runs as it is shown: history expansion is off until the next prompt
  if [[ $- == *H* && $__hx_found == *["${histchars:-!^}"]* ]]; then
    set +H
    __hx_expands=1
  fi
}

__hx_ask() {
  local - && set +aekuvxT
  local __hx_answer= __hx_options=("$@")
  __hx_then '""'
  # (bash does not switch it on again for the same line)
  [[ $(builtin bind -v) != *'enable-bracketed-paste on'* ]] || __hx_options+=(--pastes)
  __hx_answer=$(
    [[ -x $__hx_exe ]] || exit
    builtin printf '%s' "$READLINE_LINE" | "$__hx_exe" search -i --widget bash "${__hx_options[@]}"
    builtin printf '.%d' "$?"
  )
  case $__hx_answer in
  [re]:*.0)
    READLINE_LINE=${__hx_answer:2:${#__hx_answer}-4} READLINE_POINT=0x7fffffff
    __hx_found=$READLINE_LINE
    [[ $__hx_answer != r:* ]] || __hx_then accept-line
    ;;
  .129 | .1[3-5]?) ;; # left, or ended by a signal; below that it did not start
  *) __hx_then reverse-search-history ;;
  esac
}

__hx_pick_up() {
  if [[ $READLINE_LINE == *$'\n'* ]]; then
    __hx_then previous-history
  else
    __hx_pick --scope session
  fi
}
