# Part of hx.bash: under ble.sh, which runs the lines itself.

# There HISTCMD and `fc` tell of another line than the one that runs. ble.sh hands over the text of each
# line before it runs, so PS0 and PROMPT_COMMAND do nothing while it is attached.
__hx_leave_to_ble() {
  if [[ ${__hx_ble-} ]]; then
    return
  fi
  __hx_traced=1 __hx_unsure=0 __hx_again=0 # so that PS0 calls nothing
  if builtin declare -f +t blehook && ((${_ble_version:-400} >= 400)); then
    __hx_ble=1
    blehook PREEXEC!=__hx_ble_started
    blehook POSTEXEC!=__hx_ble_ended
  else
    __hx_ble=-
    __hx_give_up ble.sh
  fi
}

__hx_ble_started() { # the line
  {
    local - && set +aekuvxT
    local __hx_now=${EPOCHREALTIME//[!0-9]/} __hx_dedup= __hx_erases= __hx_reply=
    __hx_command=${1-} __hx_running= __hx_private=${HX_PRIVATE:+1}
    [[ $__hx_private || ! -e $__hx_pause ]] || __hx_mind_pause
    builtin trap '' XFSZ
    HX_LINE=$((${#__hx_private} ? -2 : -1))
    if [[ ! $__hx_private && -O $__hx_dir ]] && __hx_look_at_line && ! __hx_is_ignored && __hx_room; then
      __hx_running=$((++__hx_seq)) __hx_started_us=$__hx_now
      __hx_write '\0HX1S\0n%d\0b%s\0d%s\0c%s' "$__hx_seq" "$__hx_now" "$PWD" "$__hx_command" &&
        HX_LINE=$__hx_now || HX_LINE=-5
    fi
    builtin trap - XFSZ
  } 2>/dev/null
}

__hx_ble_ended() {
  {
    __hx_status=$?
    local - && set +aekuvxT
    local __hx_now=${EPOCHREALTIME//[!0-9]/} IFS=' '
    local __hx_pipe=("${BLE_PIPESTATUS[*]-}")
    # (it knows when the line ended; its own work comes before this)
    if [[ ${_ble_exec_time_ata-} && $_ble_exec_time_ata != *[!0-9]* ]]; then
      __hx_now=$((__hx_started_us + _ble_exec_time_ata))
    fi
    builtin trap '' XFSZ
    if [[ $__hx_running && -O $__hx_file ]]; then
      __hx_write "\0HX1E\0n%d\0b%s\0e%s\0x%s${__hx_pipe:+\0p$__hx_pipe}" \
        "$__hx_running" "$__hx_started_us" "$__hx_now" "$__hx_status"
    fi
    builtin trap - XFSZ
    __hx_running= HX_LINE=0
    ((__hx_now / 60000000 == __hx_minute)) || __hx_mind_sync
  } 2>/dev/null
  return "$__hx_status"
}

__hx_is_ignored() { # as bash leaves a line out of its history
  local - IFS=: __hx_pattern
  set -f
  for __hx_pattern in ${HISTIGNORE-}; do
    # shellcheck disable=SC2053 # a pattern
    [[ $__hx_command != $__hx_pattern ]] || return 0
  done
  return 1
}
