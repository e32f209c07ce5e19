# The hook of hx for bash 5.0 and later. It uses only builtins, so a command starts no process.
# bash expands PS0 in the shell itself, after it has read a line and before it runs the line, and runs
# PROMPT_COMMAND after the line. There is no DEBUG trap. Before bash 5.3, PS0 can only assign, so one
# record is written at the end. From 5.3 on it can call a function, which writes the start.
# shellcheck shell=bash
# shellcheck disable=SC1007,SC2015,SC2016,SC2124,SC2128,SC2178,SC2309
# (several empty assignments; PS0 expands later; __hx_lines is an array of one; -eq is arithmetic;
# ${PIPESTATUS[@]} is joined with blanks, whatever IFS is)

# bash parses the functions below one by one: aliases must not change them, `set -a` not export them.
# (With `set -k`, `local x=1` declares nothing, and prints what is declared.)
# (`local -` would do in a function, but bash 5.0 then adds the rest of the rc file to the history.)
__hx_flags=${-//[^aekuvxT]}
[[ ! $__hx_flags ]] || set "+$__hx_flags"
\builtin shopt -q expand_aliases && __hx_aliases=1 || __hx_aliases=
\builtin shopt -u expand_aliases

__hx_load() {
  [[ $- == *i* && ${BASH_VERSINFO[0]} -ge 5 && ! ${__hx_session-} ]] || return 0
  local __hx_reply=
  __hx_dir=@SPOOL@ __hx_pause=@PAUSE@ __hx_exe=@HX@ __hx_hook=@VERSION@
  __hx_sync=@SYNC@ __hx_start=@START@
  unset -v HX_UNRECORDED
  if ! __hx_writable PROMPT_COMMAND || ! __hx_writable PS0; then
    __hx_give_up readonly
    return 0
  elif builtin shopt -q restricted_shell; then
    __hx_give_up restricted
    return 0
  fi
  __hx_version=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
  builtin trap '' XFSZ
  __hx_begin
  builtin trap - XFSZ
  __hx_write_places
  __hx_arm
  return 0
}

__hx_give_up() { # tells `hx doctor` that this shell is not recorded, and why
  unset -v HX_SESSION HX_LINE
  export HX_UNRECORDED=$1
}

__hx_writable() { # a readonly variable cannot be made local
  local "$1"
}

__hx_begin() {
  local __hx_started_at=${EPOCHREALTIME//[!0-9]/}
  __hx_random
  builtin printf -v __hx_session '%016x%s' "$__hx_started_at" "$__hx_reply"
  export HX_SESSION=$__hx_session
  # HX_LINE tells a program whether the line that runs it is recorded: its start (us), 0 at the prompt, or
  # -1 bash stored no line, -2 HX_PRIVATE, -3 no prompt since the line before, -4 a text or -5 a record failed.
  export HX_LINE=0
  # What PS0, PROMPT_COMMAND and a child assign is in arrays, because `set -a` does not export arrays.
  __hx_lines=(0) __hx_from=(0) __hx_folders=() __hx_starts=() __hx_numbers=() __hx_hidden=()
  __hx_statuses=() __hx_flags_were=() __hx_began=(0) __hx_ended=(0) __hx_hides=(0)
  __hx_firsts=() __hx_lasts=() __hx_begins=()
  __hx_now=(0) __hx_given=(0) __hx_status=(0) __hx_pipe=() __hx_each=() __hx_void=('') __hx_empty= __hx_calls=(x) __hx_forks=([1]=1)
  __hx_way=(0) __hx_traced=(1) __hx_unsure=(1) __hx_again=(1) __hx_beside=(0)
  __hx_nests=(0) __hx_noted=(0) __hx_arrived=(0) __hx_piped=() __hx_nested=() __hx_notes=(x) __hx_task= __hx_rests=([3]=1) __hx_odd=([1]=1 [3]=1) __hx_r=(0) __hx_rr=(8)
  __hx_seen=(0) __hx_late=(0) __hx_base=(0) __hx_based=(0) __hx_sure=(0) __hx_prompted_us=(0) __hx_minute=(0)
  __hx_seq=(0) __hx_generation=(-1) __hx_records=(0) __hx_bytes=(0) __hx_last_pipe=(0) __hx_last_job=(0)
  __hx_fault=0 __hx_begun=0 __hx_running= __hx_started_us= __hx_number=0 __hx_command= __hx_private= __hx_folder=$PWD
  __hx_last= __hx_last_number=0 __hx_duplicates= __hx_dedup= __hx_erases= __hx_control=- __hx_expands=
  __hx_outcome= __hx_size=(0) __hx_reply=() __hx_newline=$'\n' __hx_rearmed=0 __hx_depth=(0) __hx_chained= __hx_imported=
  __hx_final= __hx_ours=- __hx_size_first=0 __hx_size_final=0 __hx_doubted= __hx_text= __hx_text_tries=0 __hx_file=
  if ((__hx_version >= 503)); then __hx_use_53; fi
  __hx_describe
  [[ -d $__hx_dir ]] || __hx_make_folder
  if __hx_room; then __hx_check_size; fi
}

__hx_random() { # 16 hexadecimal digits -> __hx_reply
  if ((__hx_version >= 501)); then
    builtin printf -v __hx_reply '%08x%08x' "$SRANDOM" "$SRANDOM"
  elif builtin read -r __hx_reply </proc/sys/kernel/random/uuid; then
    __hx_reply=${__hx_reply:0:8}${__hx_reply:28:8} # some digits between are fixed
  else
    builtin printf -v __hx_reply '%04x%04x%04x%04x' "$RANDOM" "$RANDOM" "$RANDOM" "$RANDOM"
  fi
}

__hx_describe() { # the tags and values of every header of this session
  local __hx_line='\l' __hx_user='\u'
  __hx_line=${__hx_line@P}
  __hx_tags='\0P%s\0Q%s\0Sbash\0V%s\0v%s\0h%s\0u%s\0L%s'
  __hx_values=("$$" "$PPID" "$BASH_VERSION" "$__hx_hook" "${HOSTNAME-}" "${__hx_user@P}" "${SHLVL-}")
  for __hx_reply in "/dev/pts/$__hx_line" "/dev/$__hx_line"; do
    if [[ -c $__hx_reply && $__hx_reply -ef /dev/stdin ]]; then __hx_tags+='\0T%s' __hx_values+=("$__hx_reply"); fi
  done
  if builtin read -r __hx_reply </proc/sys/kernel/random/boot_id; then
    __hx_tags+='\0B%s' __hx_values+=("$__hx_reply")
  fi
}

__hx_make_folder() { # root must not create its folders in the home of another user
  local __hx_parent=$__hx_dir
  until [[ -d $__hx_parent || $__hx_parent != */* ]]; do __hx_parent=${__hx_parent%/*}; done
  [[ ! -O $__hx_parent ]] || (builtin umask 077 && command mkdir -p -- "$__hx_dir")
}

__hx_check_size() { # in the background: the shell does not wait for it and announces no job
  # shellcheck disable=SC2016 # sh expands these words
  (sh -c 'set -- "$1" $(du -sk "$2"); [ "$2" -le 1024 ] || exec "$1" status' \
    sh "$__hx_exe" "$__hx_dir" </dev/null >/dev/null 2>&1 &)
}

@PLACES@
# ---- what runs at a prompt ----

# It may take 500 us. A simple command takes 1 to 10 us, `local` 2 us a variable, a redirection 5 us and a
# subscript 2 us. bash copies the body of a function at each call, so rare cases are in functions of their
# own.
__hx_precmd() { # __hx_given is the status that is there before it
  __hx_arrived=$? __hx_piped=${PIPESTATUS[@]} __hx_nested=${FUNCNAME[1]+1+__hx_seen}
  case $BASH_SUBSHELL$- in
  0*[aekuvxT]*) __hx_unflagged __hx_prompted ;;
  0*)
    if __hx_line_ended; then
      "$__hx_task"
      __hx_await_line
    fi
    ;;
  esac # in a subshell somebody looks at what PROMPT_COMMAND prints
  return "$__hx_given" # (a tool that runs our text may have changed the status)
}

__hx_prompted() {
  __hx_line_ended || return 0
  "$__hx_task"
  __hx_await_line
}

# What is known of the line that ended, and the function that records it -> __hx_task. Fail when a tool
# runs our text in a function of its own after our first place has run.
__hx_line_ended() {
  if ((__hx_noted)); then
    __hx_noted=0
  elif ((__hx_given = __hx_arrived, __hx_depth = 1$__hx_nested, !__hx_seen)); then
    __hx_now=${EPOCHREALTIME/[!0-9]/} __hx_pipe=$__hx_piped
    ((__hx_status = __hx_given, __hx_sure = __hx_based, __hx_based = 0))
  elif ((__hx_depth > 11 && !__hx_traced)); then
    return 1
  fi
  __hx_was_private=$__hx_private __hx_private=${HX_PRIVATE:+1} __hx_doubtful=
  ((__hx_i = __hx_from, __hx_next = HISTCMD, __hx_before = __hx_base))
  [[ $__hx_private || ! -e $__hx_pause ]] || __hx_mind_pause
  # (the lengths tell: to compare our texts takes longer than all the rest; in bash 5.0 there is no list)
  ((${#PROMPT_COMMAND} == __hx_size_first && ${#PROMPT_COMMAND[@]} > 1 && __hx_depth < 2)) &&
    ((${#PROMPT_COMMAND[-1]} == __hx_size_final)) || __hx_doubt
  __hx_task=__hx_record_lines
  ((__hx_lines > __hx_from)) && [[ ! ${BLE_ATTACHED-} ]] || __hx_task=__hx_end_without_line
  return 0
}

__hx_await_line() {
  __hx_folders=() __hx_pipe=() __hx_folder=$PWD
  ((HX_LINE = __hx_lines = __hx_from = __hx_begun = __hx_sure = 0, __hx_prompted_us = __hx_now,
    __hx_base = HISTCMD, __hx_seen = 1, __hx_now / 60000000 == __hx_minute)) || __hx_mind_sync
  # (__hx_each is the flags of the shell, and something else where promptvars is off)
  [[ $__hx_doubted${HISTCONTROL-}$__hx_private$__hx_traced$__hx_nests$__hx_again:$__hx_each == "$__hx_control:"*i* &&
    ${PS0-} == *__hx_* && ${bash_preexec_imported-}${__bp_imported-}${__hx_imported:+${precmd_functions-}}$__hx_expands == \
    "$__hx_imported" ]] || __hx_mend
}

__hx_end_without_line() {
  if [[ ${BLE_ATTACHED-} ]]; then
    __hx_leave_to_ble
  elif [[ $__hx_running ]]; then
    __hx_record_end
  elif ((!__hx_begun)); then
    ((!__hx_sure || __hx_next <= __hx_base)) || __hx_record_lone_edited
    [[ $__hx_dedup ]] || __hx_last_number=0 # a comment went into the history, or nothing
  fi
}

# In a function of another tool PIPESTATUS is that of the tool, and behind its commands the status too.
__hx_doubt() {
  __hx_doubted=-
  ((__hx_version >= 501)) || __hx_see_history
  if ((__hx_beside)); then
    return
  elif ((__hx_depth > 1)); then
    ((__hx_depth != 11)) || __hx_pipe=() # else they are those that the first place noted
    ((__hx_depth == 11 || !__hx_traced || __hx_unsure)) || __hx_nests=1
  elif [[ ${PROMPT_COMMAND-} != "$__hx_first"* ]] &&
    [[ $__hx_version -lt 501 || ${PROMPT_COMMAND-} == *"$__hx_first"* ]]; then
    __hx_doubtful=1
  fi
}

__hx_mend() {
  __hx_doubted=
  ((__hx_version >= 501)) || __hx_see_base
  if [[ $__hx_expands ]]; then set -H && __hx_expands=; fi
  [[ ${HISTCONTROL-}$__hx_private$__hx_traced${__hx_nests}0 == "$__hx_control" ]] || __hx_mind_histcontrol
  __hx_arm
  if [[ ! $__hx_chained ]]; then __hx_chained=1 && __hx_chain_exit; fi
  if ((${__hx_key_unseen-0} && __hx_seq)); then
    __hx_look_at_keys
  elif ((${__hx_key_unseen-0})); then
    __hx_control+='?' # so that the next prompt comes here again
  fi
  ((!__hx_again)) || __hx_look_again 0
}

# The next place looks for a DEBUG trap, and with 1 the one after the next prompt too: a tool may set its
# trap at the first prompt, after our first place.
__hx_look_again() {
  __hx_again=$1
  [[ $__hx_beside == 1 || ${__hx_ble-} || $__hx_first == __hx_* ]] || __hx_traced=1 __hx_unsure=1
}

__hx_mind_pause() {
  __hx_private=1 __hx_reply=
  builtin read -r __hx_reply <"$__hx_pause"
  if [[ $__hx_reply == [0-9]* && $__hx_reply != *[!0-9]* && ${#__hx_reply} -lt 18 ]]; then
    ((10#$__hx_reply > __hx_now / 1000000)) || __hx_private=
  fi
}

# Once a minute: `hx sync auto on --by shell` lets the shells start a sync, at most one in 15 minutes of all
# shells. The file belongs to somebody else in a shell of root with the HOME of a user.
__hx_mind_sync() {
  ((__hx_minute = __hx_now / 60000000))
  [[ -O $__hx_sync ]] || return 0
  local REPLY= __hx_last __hx_second=$((__hx_now / 1000000))
  builtin read -r <"$__hx_sync.last"
  if [[ $REPLY == +([0-9])' '+([0-9]) && ${#REPLY} -lt 30 ]]; then
    __hx_last=$((10#${REPLY% *}))
    ((__hx_second < __hx_last || __hx_second >= __hx_last + 10#${REPLY#* })) || return 0
  fi
  (/bin/sh -c "$__hx_start" hx "$__hx_sync" "$__hx_second")
}

# HISTCMD must tell whether bash stored a line, because a line that it did not store is private. With
# ignoredups it would not tell, so hx removes that option while it records, and does its work here.
# With erasedups bash would then write other lines into the history file: it is left alone.
__hx_mind_histcontrol() {
  local __hx_list=:${HISTCONTROL-}:
  if [[ $__hx_private || ! -O $__hx_dir || $__hx_list == *:erasedups:* ]] ||
    ((__hx_traced && !__hx_nests)); then
    __hx_list=${__hx_list//:hx_ignoredups:/:ignoredups:}
  else
    __hx_list=${__hx_list//:ignoreboth:/:ignorespace:ignoredups:}
    __hx_list=${__hx_list//:ignoredups:/:hx_ignoredups:}
  fi
  __hx_list=${__hx_list#:} __hx_list=${__hx_list%:}
  if [[ $__hx_list != "${HISTCONTROL-}" && ${HISTCONTROL@a} != *r* ]]; then
    HISTCONTROL=$__hx_list
  fi
  # (the 0 is __hx_again: while it is 1, each prompt comes here)
  __hx_control=${HISTCONTROL-}$__hx_private$__hx_traced${__hx_nests}0 __hx_dedup= __hx_erases=
  case :${HISTCONTROL-}: in
  *:erasedups:*) __hx_erases=1 ;;
  *:hx_ignoredups:*) __hx_dedup=1 ;;
  esac
}

# ---- bash 5.0 to 5.2: one record at the end of a command ----

# Write the line with index __hx_i of those that PS0 stored. With an argument (S), it has not ended.
__hx_record_line() {
  __hx_read_line && __hx_write_line "$@"
}

__hx_read_line() { # its text -> __hx_command; fail when it is private
  if ((__hx_number = __hx_numbers[__hx_i], __hx_index = __hx_number - 1,
    __hx_hidden[__hx_i] || __hx_erases || __hx_index != __hx_before)); then
    __hx_is_stored || return 1
  fi
  __hx_print fc -l -1 -1 || return 1
  if [[ $__hx_reply == "$__hx_index"$'\t '* && ! -o posix ]] && ((__hx_index <= __hx_before)); then
    __hx_command=${__hx_reply:${#__hx_index}+2:${#__hx_reply}-${#__hx_index}-3}
  else
    __hx_search_entry || return 1
  fi
  case $__hx_command$__hx_dedup$__hx_erases in
  '' | [[:blank:]]* | *$'\n'* | *forget* | *redact* | *trap* | *source* | *eval* | *'. '* | *1)
    __hx_look_at_line || return 1 # (__hx_dedup and __hx_erases are 1 or nothing)
    ;;
  esac
}

__hx_write_line() {
  ((__hx_records < 4096 && __hx_bytes < 4194304)) && [[ -O $__hx_file ]] || __hx_room || return 1
  if (($# || __hx_i < __hx_lines - 1)); then __hx_go_on "$@"; else __hx_judge; fi
  builtin printf "\0HX1${1-C}\0n%d\0b%s$__hx_outcome\0d%s\0c%s\0\0%n" "$((__hx_seq += 1))" \
    "${__hx_starts[__hx_i]}" "${__hx_folders[__hx_i]-}" "$__hx_command" __hx_size >>"$__hx_file" ||
    ((__hx_fault = -5, 0)) || return 1
  ((__hx_fault = 0, __hx_records++, __hx_bytes += __hx_size, 1))
}

__hx_is_stored() { # in the history, and it may be recorded
  if ((__hx_hidden[__hx_i])); then __hx_last_number=0 && return 1; fi
  if [[ $__hx_erases ]]; then __hx_stored_anew; else ((__hx_number > __hx_before)); fi || return 1
  [[ $__hx_erases || $__hx_number -le $__hx_before+1 ]] || __hx_follows_edited "${__hx_starts[__hx_i]}"
}

__hx_go_on() { # the outcome of a line that is not the last one, or that runs
  if ((__hx_i < __hx_lines - 1)); then
    __hx_outcome="\0e${__hx_starts[__hx_i + 1]}\0x${__hx_statuses[__hx_i + 1]}\0mpaste"
  else
    __hx_outcome=
  fi
  [[ ! ${1-} ]] || __hx_running=$((__hx_seq + 1)) __hx_started_us=${__hx_starts[__hx_i]}
}

# There are several lines only after a paste. With an argument (S) the last of them has not ended, and
# HISTCMD is less by one. A history that became shorter gives wrong numbers; bash 5.1 crashes on an
# empty one.
__hx_record_lines() {
  if [[ $__hx_was_private$__hx_private || ! -O $__hx_dir ]] ||
    ((__hx_next + $# < __hx_numbers[__hx_lines - 1])); then
    __hx_last_number=0
    return
  fi
  builtin trap '' XFSZ # else a limit on the size of files (ulimit -f) ends the shell
  if ((__hx_lines == __hx_from + 1)); then
    __hx_read_line && __hx_write_line "$@"
  else
    __hx_record_pasted "$@"
  fi
  builtin trap - XFSZ
  [[ ! $__hx_duplicates ]] || __hx_drop_duplicates
}

__hx_record_pasted() {
  __hx_in_order || return 0
  for ((; __hx_i < __hx_lines; __hx_i++)); do
    __hx_record_line "$@"
    __hx_before=$__hx_number
  done
}

# A pasted line that deletes from the history moves the later entries: then no text can be assigned
# to a line.
__hx_in_order() {
  local __hx_i
  for ((__hx_i = __hx_from + 1; __hx_i < __hx_lines; __hx_i++)); do
    if ((__hx_numbers[__hx_i] <= __hx_numbers[__hx_i - 1])); then
      __hx_print fc -l "$__hx_base" -1 && [[ $__hx_reply != *history* ]] || return 1
    fi
  done
}

# Set __hx_outcome to the tags that tell how the line with the number __hx_number ended. When a later line
# is in the history but did not run, the status is that of its error.
__hx_judge() {
  if ((__hx_next > __hx_number)) || [[ $__hx_doubtful ]]; then
    __hx_outcome="\0e$__hx_now"
  elif [[ ${__hx_pipe-} == *' '* ]]; then
    __hx_judge_pipe
  else
    __hx_outcome="\0e$__hx_now\0x$__hx_status${__hx_pipe:+\0p$__hx_pipe}" __hx_last_pipe=0
  fi
}

# Some lines do not set PIPESTATUS (`&`, a function definition): then it is that of an earlier line.
__hx_judge_pipe() {
  local __hx_sum=1 __hx_left=$__hx_pipe
  while [[ $__hx_left ]]; do # (a number, so that a child can hand it over)
    __hx_sum=$((__hx_sum * 263 + ${__hx_left%% *} + 1)) __hx_left=${__hx_left#"${__hx_left%% *}"}
    __hx_left=${__hx_left# }
  done
  __hx_outcome="\0e$__hx_now\0x$__hx_status"
  if [[ " $__hx_pipe" == *" $__hx_status" ]] && [[ $__hx_sum != "$__hx_last_pipe" ||
    ($__hx_command == *'|'* && ${!-0} == "$__hx_last_job") ]]; then
    __hx_outcome+="\0p$__hx_pipe"
  fi
  __hx_last_pipe=$__hx_sum __hx_last_job=${!-0}
}

# ---- bash 5.3: a start record, then an end record ----

__hx_use_53() {
  # (a string, because an older bash cannot parse it; bash parses the words inside at each call)
  builtin eval '__hx_print() { __hx_reply=${ \builtin "$@"; }$__hx_newline; }'
}

__hx_started() {
  case $BASH_SUBSHELL$- in
  0*[aekuvxT]*) __hx_unflagged __hx_begin_line ;;
  0*) __hx_begin_line ;;
  esac
  REPLY= __hx_pipe=()
}

__hx_begin_line() {
  __hx_now=${EPOCHREALTIME/[!0-9]/} __hx_i=0 __hx_doubtful= __hx_number=$HISTCMD __hx_begun=1 __hx_fault=0 __hx_seen=0
  __hx_was_private=$__hx_private __hx_next=$__hx_number __hx_before=$__hx_base __hx_base=$__hx_number
  __hx_starts=$__hx_now __hx_numbers=$__hx_number __hx_hidden=0 __hx_folders=$PWD HX_LINE=-1
  builtin trap '' XFSZ
  [[ ! $__hx_running ]] || __hx_finish # lines of a paste follow each other
  __hx_private=${HX_PRIVATE:+1}
  [[ $__hx_private || ! -e $__hx_pause ]] || __hx_mind_pause
  if [[ $__hx_private || ! -O $__hx_dir ]]; then
    __hx_last_number=0 HX_LINE=-2
  else
    __hx_record_line S && HX_LINE=$__hx_now || HX_LINE=$((__hx_fault ? __hx_fault : -1))
  fi
  builtin trap - XFSZ
}

__hx_record_end() {
  builtin trap '' XFSZ
  __hx_finish
  builtin trap - XFSZ
  [[ ! $__hx_duplicates ]] || __hx_drop_duplicates
}

__hx_finish() {
  __hx_judge
  [[ ! -O $__hx_file ]] || builtin printf "\0HX1E\0n%d\0b%s$__hx_outcome\0\0%n" \
    "$__hx_running" "$__hx_started_us" __hx_size >>"$__hx_file"
  __hx_running=
  ((__hx_bytes += __hx_size))
}

@LINES@
@BLE@
@PICKER@

@COMPLETION@

{ __hx_load; } 2>/dev/null
if builtin declare -F __hx_bind_keys >/dev/null; then __hx_bind_keys 2>/dev/null; fi
__hx_offer_completions 2>/dev/null
[[ ! $__hx_aliases ]] || \builtin shopt -s expand_aliases
[[ ! $__hx_flags ]] || set "-$__hx_flags"
unset -v __hx_aliases __hx_flags
