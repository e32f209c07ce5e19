
__hx_bind_keys() {
  local __hx_key
  [[ ${TERM-dumb} != dumb && -o zle ]] || return 0
  (( $+__hx_keys )) || typeset -g +x __hx_keys="$(  # what the keys did before, for hx init --off
    for __hx_key in "emacs ^R" "viins ^R" "vicmd /" {emacs,viins,vicmd}" ^["{"[",O}A; do
      builtin bindkey -L -M ${(s: :)__hx_key}
    done
  )"
  zle -N hx-pick __hx_widget  # plugins take no notice of a widget whose name begins with _
  zle -N hx-pick-up __hx_widget
  __hx_is_key_unseen=1
  for __hx_key in @KEYS@; do
    case $__hx_key in
    (ctrl-r)
      bindkey -M emacs "^R" hx-pick
      bindkey -M viins "^R" hx-pick
      bindkey -M vicmd / hx-pick ;;  # in this keymap ^R is redo
    (up)
      for __hx_key in emacs viins vicmd; do
        bindkey -M $__hx_key "^[[A" hx-pick-up
        bindkey -M $__hx_key "^[OA" hx-pick-up
      done ;;
    esac
  done
}

# Others may have bound the keys since then: hx doctor tells it. bindkey prints into the file, so this
# starts no process.
__hx_look_at_keys() {
  local n=$__hx_nul __hx_key
  __hx_is_key_unseen=""
  {
    builtin print -rn -- "${n}HX1K"
    for __hx_key in @KEYS@; do
      case $__hx_key in
      (ctrl-r) builtin print -rn -- "${n}k"; builtin bindkey -M main "^R" ;;
      (up) builtin print -rn -- "${n}a"; builtin bindkey -M main "^[OA"; builtin bindkey -M main "^[[A" ;;
      esac
    done
    builtin print -rn -- "$n$n"
  } 2>/dev/null >>|$__hx_file
}

# The widget that follows is in __hx_next: __hx_widget calls it with the options of the user, because
# it may be one of a plugin.
__hx_choose() {
  typeset -g +x __hx_next=""
  if [[ $WIDGET != *hx-pick-up ]]; then
    __hx_pick
  elif [[ $BUFFER == *$__hx_newline* ]]; then
    __hx_next=.up-line-or-history
  else
    __hx_pick --scope session
  fi
}

# The line goes through a pipe, because other users can see arguments and environment.
__hx_pick() {
  local answer=""
  local -a arguments=($@)
  [[ -z ${zle_bracketed_paste-} ]] || arguments+=(--pastes)
  answer=$(
    [[ -x $__hx_exe ]] || exit
    builtin print -rn -- $BUFFER | $__hx_exe search -i --widget zsh $arguments
    builtin print -rn -- .$?
  )
  zle .redisplay
  case $answer in
  ([re]:*.0)
    BUFFER=${${answer#?:}%.0} CURSOR=$#BUFFER
    [[ $answer != r:* ]] || { __hx_next=accept-line; __hx_stop_expansion } ;;
  (.129|.1[3-5]?) ;;  # the user left, or a signal ended it; with a smaller status it did not start
  (*) __hx_next=.history-incremental-search-backward ;;
  esac
}

# History expansion must not change a picked line. zsh looks for the characters that it begins with
# when it has the line, so options of this function come too early. A NUL is in no line.
__hx_stop_expansion() {
  [[ -z ${__hx_histchars-} ]] || return 0
  typeset -g +x __hx_histchars=${HISTCHARS-!^#}
  HISTCHARS=$__hx_nul$__hx_nul${__hx_histchars[3]-}
}

__hx_bind_keys
