# Part of hx.bash: where the text of a line comes from, and where it goes.

# ---- the text of a line ----

# (`return` has its number everywhere: in an EXIT trap a bare one gives the status before the trap)

# The line that made the history number __hx_number -> __hx_command; fails when it is private
__hx_fetch() {
  if ((__hx_number < 2)) || ! __hx_stored; then return 1; fi
  if builtin shopt -q cmdhist || ((__hx_number <= __hx_before)); then
    __hx_entry "$((__hx_number - 1))" || return 1
  else
    __hx_join_entries || return 1
  fi
  __hx_note_duplicate
  [[ $__hx_command && $__hx_command != [[:blank:]]* ]] && ! __hx_forgets
}

__hx_stored() {
  if [[ ${HISTCONTROL-} != *erasedups* ]]; then
    ((__hx_number > __hx_before)) && return 0 || return 1
  fi
  # The number grows by one and shrinks by the duplicates. Of pasted lines only the last is sure.
  ((__hx_i == __hx_count - 1)) || return 1
  ((__hx_number == __hx_before)) || return 0
  [[ $HISTCONTROL == *ignore[sb]* || ${HISTIGNORE-} ]] || return 0
  [[ $__hx_count -eq 1 ]] && __hx_entry "$((__hx_number - 1))" || return 1
  [[ $__hx_last_number -ne __hx_number-1 || $__hx_command == "$__hx_last" ]] || return 0
  # the same line again, or the line before a private one: only its time can tell
  [[ ${HISTTIMEFORMAT@a} != *r* ]] || return 1
  local HISTTIMEFORMAT='@%s '
  __hx_print history 1 || return 1
  REPLY=${REPLY#*@}
  [[ $REPLY == [0-9]* ]] && ((${REPLY%%[!0-9]*} > __hx_prompt_s))
}

__hx_note_duplicate() { # of the entry before
  local __hx_entry=$((__hx_number - 1))
  if [[ $__hx_dedup && $__hx_last_number -eq __hx_entry-1 && $__hx_command == "$__hx_last" ]]; then
    __hx_duplicates="$__hx_entry $__hx_duplicates"
  fi
  __hx_last=$__hx_command __hx_last_number=$__hx_entry
}

__hx_drop_duplicates() { # the last one first: what comes after moves up
  local __hx_entry
  while [[ $__hx_duplicates ]]; do
    __hx_entry=${__hx_duplicates%% *} __hx_duplicates=${__hx_duplicates#* }
    if builtin history -d "$__hx_entry"; then ((__hx_last_number--)); fi
  done
}

__hx_join_entries() { # without cmdhist every line of a command is an entry
  local __hx_at __hx_joined=
  for ((__hx_at = __hx_before; __hx_at < __hx_number; __hx_at++)); do
    __hx_entry "$__hx_at" || return 1
    __hx_joined+=${__hx_joined:+$'\n'}$__hx_command
  done
  __hx_command=$__hx_joined
}

__hx_entry() { # the history entry $1 -> __hx_command
  # (the newest answers to -1 only, and tells whether there are so many)
  __hx_print fc -l -1 -1 || return 1
  if [[ $REPLY != "$1"$'\t'* ]]; then
    ((${REPLY%%[!0-9]*}0 > ${1}0)) && __hx_print fc -l "$1" "$1" || return 1
    [[ $REPLY == "$1"$'\t'* ]] || return 1
  fi
  __hx_command=${REPLY#*$'\t'}
  [[ -o posix ]] || __hx_command=${__hx_command:1} # the mark of an edited entry
  # (tested first: a search in vain takes seconds in 1 MiB)
  while [[ $__hx_command == *$'\n' ]]; do __hx_command=${__hx_command%$'\n'}; done
}

# What a builtin prints -> REPLY: before 5.3 through a file, which is wiped when it was read. It is
# not truncated before, since ext4 then waits for the disk (2.5 ms).
__hx_print() {
  local __hx_size=0 __hx_failed=1 __hx_copy
  REPLY=
  [[ -f $__hx_text && -O $__hx_text ]] || __hx_place_text || return 1
  if { builtin "$@" && builtin printf '\0'; } 1<>"$__hx_text"; then __hx_failed=0; fi
  builtin read -rd '' <"$__hx_text" || __hx_failed=1
  builtin printf -v __hx_copy '%s%n' "$REPLY" __hx_size # in bytes
  builtin printf '%*s' "$((__hx_size + 1))" '' 1<>"$__hx_text"
  ((__hx_size < 65536)) || : >|"$__hx_text"
  return "$__hx_failed"
}

__hx_place_text() {
  local __hx_folder=${XDG_RUNTIME_DIR-}
  ((__hx_text_tries++ < 3)) || return 1 # each is a process
  [[ $__hx_folder == /* && -d $__hx_folder && -w $__hx_folder && -O $__hx_folder ]] ||
    __hx_folder=$__hx_dir
  __hx_text=$__hx_folder/$__hx_session.t
  [[ -O $__hx_folder ]] && (builtin umask 077 && : >>"$__hx_text")
}

__hx_forgets() { # `hx forget` and `hx redact` name what must not be kept
  [[ $__hx_command == *forget* || $__hx_command == *redact* ]] || return 1
  local __hx_pattern=$'*@(hx|history-extended)+([ \t\n"\'\\\\])@(forget|redact)*'
  # shellcheck disable=SC2053 # a pattern; it would be slow on a long line
  [[ ${#__hx_command} -gt 10000 || $__hx_command == $__hx_pattern ]]
}

# ---- the spool ----

# Whether a record may be written: its file is there and has room, or the next one was made
__hx_room() {
  [[ -O $__hx_dir ]] || return 1
  if ((__hx_records < 4096 && __hx_bytes < 4 << 20)) && [[ -f $__hx_file && -O $__hx_file ]]; then
    return 0
  fi
  # 16 files of 4 MiB: ingest does not come, and a session takes no more than that
  ((__hx_generation < 15)) || [[ ! -e $__hx_dir/$__hx_session.$((__hx_generation - 15)) ]] || return 1
  __hx_next_generation
}

__hx_next_generation() {
  local __hx_next=$((__hx_generation + 1)) __hx_umask
  __hx_print umask || return 1
  __hx_umask=${REPLY%$'\n'}
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
  local __hx_format=$1'\0\0%n' __hx_size=0 __hx_failed=0
  shift
  # shellcheck disable=SC2059 # only values are foreign
  builtin printf "$__hx_format" "$@" __hx_size >>"$__hx_file" || __hx_failed=1
  ((__hx_records++, __hx_bytes += __hx_size))
  return "$__hx_failed"
}

__hx_exit() {
  {
    local __hx_status=$? -
    set +aeuvx
    local REPLY= __hx_count=$__hx_lines __hx_was_private=$__hx_private
    if [[ $BASHPID == "$$" ]]; then
      builtin trap '' XFSZ
      __hx_lines=0
      __hx_look
      if [[ ! $__hx_was_private && ! $__hx_private && -O $__hx_dir ]]; then
        __hx_record_lines unfinished
      fi
      if [[ -O $__hx_file ]]; then __hx_write '\0HX1X\0e%s' "${EPOCHREALTIME//[!0-9]/}"; fi
      [[ ! $__hx_text ]] || command rm -f -- "$__hx_text"
    fi
  } 2>/dev/null
  return "$__hx_status"
}
