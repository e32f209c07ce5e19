
__hx_bind_keys() {
  local key
  [[ ${TERM-dumb} != dumb && -o zle ]] || return 0
  (( $+__hx_keys )) || typeset -g +x __hx_keys="$(  # what the keys did before, for hx init --off
    for key in "emacs ^R" "viins ^R" "vicmd /" {emacs,viins,vicmd}" ^["{"[",O}A; do
      builtin bindkey -L -M ${(s: :)key}
    done
  )"
  zle -N __hx_pick
  zle -N __hx_pick_up
  for key in @KEYS@; do
    case $key in
    (ctrl-r)
      bindkey -M emacs "^R" __hx_pick
      bindkey -M viins "^R" __hx_pick
      bindkey -M vicmd / __hx_pick ;;  # in this keymap ^R is redo
    (up)
      for key in emacs viins vicmd; do
        bindkey -M $key "^[[A" __hx_pick_up
        bindkey -M $key "^[OA" __hx_pick_up
      done ;;
    esac
  done
}

# The line goes through a pipe, because other users can see arguments and environment.
__hx_pick() {
  local answer="" 
  local -a options=($@)
  [[ -z ${zle_bracketed_paste-} ]] || options+=(--pastes)
  answer=$(
    [[ -x $__hx_exe ]] || exit
    builtin print -rn -- $BUFFER | $__hx_exe search -i --widget zsh $options
    builtin print -rn -- .$?
  )
  zle .redisplay
  case $answer in
  ([re]:*.0)
    answer=${answer%.0}
    BUFFER=${answer#?:} CURSOR=$#BUFFER
    [[ $answer != r:* ]] || zle accept-line ;;
  (.129|.1[3-5]?) ;;  # the user left, or a signal ended it; with a smaller status it did not start
  (*) zle .history-incremental-search-backward ;;
  esac
}

__hx_pick_up() {
  if [[ $BUFFER == *$__hx_newline* ]]; then
    zle .up-line-or-history
  else
    __hx_pick --scope session
  fi
}

__hx_bind_keys
