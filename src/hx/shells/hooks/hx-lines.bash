# Part of hx.bash: reading the text of a line from the history, and writing it to the spool.

# ---- the text of a line ----

# (`return` always has a number: in an EXIT trap a bare one returns the status before the trap)

# Fail when the line is private.
__hx_look_at_line() {
  # (tested first: a search without a match takes seconds in 1 MiB)
  while [[ $__hx_command == *$'\n' ]]; do __hx_command=${__hx_command%$'\n'}; done
  [[ ! $__hx_dedup$__hx_erases ]] || __hx_note_duplicate
  [[ $__hx_command && $__hx_command != [[:blank:]]* ]] || return 1
  case $__hx_command in
  *trap* | *source* | *eval* | '. '* | *[\;\&]' . '*)
    # it may have set a DEBUG trap; bash hides that from a function
    # (from 5.3 on this is before it runs: a tool that it loads sets the trap after the line)
    __hx_look_again "$((__hx_version >= 503))"
    ;;
  esac
  [[ $__hx_command == *forget* || $__hx_command == *redact* ]] || return 0
  # `hx forget` and `hx redact` have the text that must not be kept
  local __hx_pattern=$'*@(hx|history-extended)+([ \t\n"\'\\\\])@(forget|redact)*'
  # shellcheck disable=SC2053 # a pattern; it is slow on a long line
  [[ ${#__hx_command} -lt 10000 && $__hx_command != $__hx_pattern ]]
}

# With erasedups the number grows by one and shrinks by the number of duplicates. Of pasted lines only
# the last one is certain.
__hx_stored_anew() {
  ((__hx_i >= __hx_lines - 1 && __hx_number > 1)) || return 1
  ((__hx_number == __hx_before)) || return 0
  [[ ${HISTCONTROL-} == *ignore* || ${HISTIGNORE-} ]] || return 0
  ((__hx_lines <= __hx_from + 1)) && __hx_entry "$((__hx_number - 1))" || return 1
  [[ $__hx_last_number -ne __hx_number-1 || $__hx_command == "$__hx_last" ]] || return 0
  # the same line again, or the line before a private one: only the time can tell
  [[ ${HISTTIMEFORMAT@a} != *r* ]] || return 1
  local HISTTIMEFORMAT='@%s '
  __hx_print history 1 || return 1
  __hx_reply=${__hx_reply#*@}
  [[ $__hx_reply == [0-9]* ]] && ((${__hx_reply%%[!0-9]*} > __hx_prompted_us / 1000000))
}

__hx_note_duplicate() { # of the entry before
  if [[ $__hx_dedup && $__hx_last_number -eq __hx_number-2 && $__hx_command == "$__hx_last" ]]; then
    __hx_duplicates="$((__hx_number - 1)) $__hx_duplicates"
  fi
  __hx_last=$__hx_command __hx_last_number=$((__hx_number - 1))
}

__hx_drop_duplicates() { # the last one first: what comes after moves up
  local __hx_entry
  while [[ $__hx_duplicates ]]; do
    __hx_entry=${__hx_duplicates%% *} __hx_duplicates=${__hx_duplicates#* }
    if builtin history -d "$__hx_entry"; then ((__hx_last_number--)); fi
  done
}

__hx_search_entry() {
  if [[ $BASHOPTS == *cmdhist* || $__hx_number -le $__hx_before ]]; then
    __hx_entry "$((__hx_number - 1))"
    return
  fi
  local __hx_at __hx_joined= # without cmdhist every line of a command is an entry
  for ((__hx_at = __hx_before; __hx_at < __hx_number; __hx_at++)); do
    __hx_entry "$__hx_at" || return 1
    __hx_joined+=${__hx_joined:+$'\n'}$__hx_command
  done
  __hx_command=$__hx_joined
}

__hx_entry() { # the history entry $1 -> __hx_command
  __hx_fault=-4
  __hx_print fc -l -1 -1 || return 1
  if [[ $__hx_reply != "$1"$'\t'* ]]; then
    ((${__hx_reply%%[!0-9]*}0 > ${1}0)) && __hx_print fc -l "$1" "$1" || return 1
    [[ $__hx_reply == "$1"$'\t'* ]] || return 1
  fi
  __hx_fault=0
  __hx_command=${__hx_reply#*$'\t'}
  [[ -o posix ]] || __hx_command=${__hx_command:1} # the mark of an edited entry
  while [[ $__hx_command == *$'\n' ]]; do __hx_command=${__hx_command%$'\n'}; done
}

# Lines that were written in an editor (C-x C-e) run without PS0. They are in the history between the
# number of the prompt and that of the line after them; how they ended is not known.
__hx_record_edited() { # the entries from $__hx_before to $1 - 1, or to the last one
  local __hx_number=$__hx_number __hx_at __hx_end=${1:-$__hx_next}
  [[ ! $__hx_was_private$__hx_private && -O $__hx_dir && $BASHOPTS == *cmdhist* ]] || return 0
  # without a line after them: a comment and a line with an error are there too
  [[ $1 || $__hx_status != 2 || $__hx_end -gt $__hx_before+1 ]] || return 0
  for ((__hx_at = __hx_before; __hx_at < __hx_end; __hx_at++)); do
    __hx_number=$((__hx_at + 1))
    if __hx_entry "$__hx_at" && __hx_look_at_line && [[ $__hx_command != '#'* ]] && __hx_room; then
      __hx_time_of_entry
      __hx_write '\0HX1C\0n%d\0b%d\0e%d\0meditor\0d%s\0c%s' "$((++__hx_seq))" "$__hx_reply" "$__hx_reply" \
        "$__hx_folder" "$__hx_command"
    fi
  done
}

__hx_record_lone_edited() { # no line came after them
  builtin trap '' XFSZ
  __hx_record_edited
  builtin trap - XFSZ
  [[ ! $__hx_duplicates ]] || __hx_drop_duplicates
}

# Record what was edited before a line that began at $1 us; fail when the last entry is older than the
# line: then it is edited too, and the line is private.
__hx_follows_edited() {
  local __hx_at=$((__hx_number - 1)) __hx_newest
  [[ $BASHOPTS == *cmdhist* ]] || return 0
  __hx_time_of_entry
  __hx_newest=$__hx_reply
  if ((__hx_newest / 1000000 + 1 < $1 / 1000000)); then
    __hx_record_edited "$__hx_number"
    return 1
  fi
  __hx_record_edited "$__hx_at"
}

__hx_time_of_entry() { # the entry __hx_at -> __hx_reply, in us; bash keeps seconds
  local __hx_least=$((__hx_prompted_us + __hx_at - __hx_before))
  if [[ ${HISTTIMEFORMAT@a} != *r* ]]; then
    local HISTTIMEFORMAT='@%s '
    __hx_print history "$((__hx_next - __hx_at))" || __hx_reply=
  fi
  __hx_reply=${__hx_reply#*@} __hx_reply=${__hx_reply%%[!0-9]*}
  __hx_reply=$((10#0$__hx_reply * 1000000 + __hx_at - __hx_before))
  ((__hx_reply > __hx_least)) || __hx_reply=$__hx_least
}

# Set __hx_reply to the output of a builtin: before 5.3 through a file, which is overwritten after it was
# read. The file is not truncated, because ext4 then waits for the disk (2.5 ms).
__hx_print() {
  [[ -O $__hx_text ]] || __hx_place_text || return 1
  local REPLY
  { builtin "$@" && builtin printf '\0'; } 1<>"$__hx_text"
  builtin read -rd '' <"$__hx_text" # (it fails when it was not written whole)
  __hx_size=$?
  if ((__hx_size)); then
    __hx_blank_failure
  else
    __hx_reply=$REPLY
    builtin printf '%*s' "$((4 * ${#__hx_reply} + 1))" '' 1<>"$__hx_text" # (4 bytes a character at most)
  fi
  return "$__hx_size"
}

# What was read may end with the blanks of before: with four bytes a character the file would grow each time.
__hx_blank_failure() {
  local LC_ALL=C
  __hx_reply=
  builtin printf '%*s' "${#REPLY}" '' 1<>"$__hx_text"
}

__hx_place_text() {
  local __hx_folder=${XDG_RUNTIME_DIR-}
  ((__hx_text_tries++ < 3)) || return 1 # each is a process
  [[ $__hx_folder == /* && -d $__hx_folder && -w $__hx_folder && -O $__hx_folder ]] ||
    __hx_folder=$__hx_dir
  __hx_text=$__hx_folder/$__hx_session.t
  [[ -O $__hx_folder ]] && (builtin umask 077 && : >>"$__hx_text")
}

# ---- the flags of the shell ----

__hx_unflagged() { # run a function without the flags of the shell that would change it
  if ((__hx_version < 501)); then
    __hx_without_flags "$@"
  else
    local - && set +aekuvxT
    "$@"
  fi
}

__hx_without_flags() { # run a function, without `local -`, which in bash 5.0 turns the history on
  __hx_flags_were=("${-//[^aekuvxT]}")
  [[ ! $__hx_flags_were ]] || set "+$__hx_flags_were"
  "$@"
  [[ ! $__hx_flags_were ]] || set "-$__hx_flags_were"
}

# ---- the spool ----

# Succeed when the file has room, or the next file was created.
__hx_room() {
  __hx_fault=-5
  [[ -O $__hx_dir ]] || return 1
  if [[ $__hx_records -lt 4096 && $__hx_bytes -lt 4194304 && -O $__hx_file ]]; then
    __hx_fault=0
    return 0
  fi
  # 16 files of 4 MiB: nobody drains the spool, and a session takes no more than this
  ((__hx_generation < 15)) || [[ ! -e $__hx_dir/$__hx_session.$((__hx_generation - 15)) ]] || return 1
  __hx_next_generation
}

__hx_next_generation() {
  local __hx_next=$((__hx_generation + 1)) __hx_umask
  __hx_print umask || return 1
  __hx_umask=${__hx_reply%$'\n'}
  [[ $__hx_umask && $__hx_umask != *[!0-7]* ]] || return 1
  __hx_file=$__hx_dir/$__hx_session.$__hx_next
  __hx_bytes=0
  builtin umask 077
  if __hx_write '\0HX1H\0s%s\0g%d\0b%s\0d%s'"$__hx_tags" \
    "$__hx_session" "$__hx_next" "${EPOCHREALTIME//[!0-9]/}" "${PWD-}" "${__hx_values[@]}"; then
    __hx_generation=$__hx_next __hx_records=0
  fi
  builtin umask "$__hx_umask"
  ((__hx_generation == __hx_next))
}

__hx_write() { # one record: its format, then its values
  # shellcheck disable=SC2059 # the format is ours; only the values are not
  __hx_fault=-5
  builtin printf "$1\0\0%n" "${@:2}" __hx_size >>"$__hx_file" || return 1
  ((__hx_fault = 0, __hx_records++, __hx_bytes += __hx_size, 1))
}

__hx_exit() { # in the shell, or with an argument in a child that is unseen by a DEBUG trap
  {
    __hx_given=$? # (__hx_status is that of the shell)
    __hx_without_flags __hx_end_session "$@"
  } 2>/dev/null
  return "$__hx_given"
}

__hx_end_session() {
  local __hx_now=${EPOCHREALTIME/[!0-9]/} __hx_reply= __hx_i=$__hx_from __hx_doubtful=
  local __hx_was_private=$__hx_private __hx_next=$HISTCMD
  [[ $BASHPID == "$$" || $1 ]] || return 0
  [[ ! $1 ]] || __hx_as_child
  ((__hx_version >= 501)) || __hx_see_history
  builtin trap '' XFSZ
  __hx_private=${HX_PRIVATE:+1}
  [[ $__hx_private || ! -e $__hx_pause ]] || __hx_mind_pause
  __hx_before=$__hx_base
  if [[ ! ${__hx_ble-} && $__hx_lines -gt $__hx_from ]]; then __hx_record_lines S; fi
  __hx_end_of_line
  if [[ -O $__hx_file ]]; then __hx_write '\0HX1X\0e%s' "$__hx_now"; fi
  [[ ! $__hx_text ]] || command rm -f -- "$__hx_text"
}

__hx_end_of_line() { # the end of the shell is that of the line which runs; how it ended is not known
  [[ $__hx_running && -O $__hx_file ]] || return 0
  __hx_write '\0HX1E\0n%d\0b%s\0e%s' "$__hx_running" "$__hx_started_us" "$__hx_now"
}
