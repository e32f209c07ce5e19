# The hook of hx for zsh 5.8 and later. It uses only builtins, so a command starts no process.
# The functions have their own options (sticky emulation), so that no option of the user breaks them
# or makes them print. Their text is in one quoted string, so it must not contain an apostrophe.
# A function call takes 15-20 us, as long as a write: what every command needs is in few functions.
if [[ -o interactive ]] && \builtin zmodload zsh/datetime zsh/system 2>|/dev/null; then
\builtin typeset -g __hx_dir=@SPOOL@ __hx_pause=@PAUSE@ __hx_exe=@HX@ __hx_hook=@VERSION@
\builtin typeset -g __hx_sync=@SYNC@ __hx_start=@START@
\builtin typeset -g __hx_nul=$'\0' __hx_newline=$'\n' __hx_is_key_unseen=
\builtin typeset -g __hx_extended_glob=
[[ ! -o extended_glob ]] || __hx_extended_glob=1
\builtin emulate zsh -o extended_glob -o no_multibyte -o no_aliases -o no_xtrace -o no_verbose \
  -o no_err_exit -o no_err_return -o no_force_float -o no_print_exit_value -o no_bg_nice \
  -o local_traps -c '
__hx_load() {
  # all_export exports them
  typeset -g +x __hx_dir __hx_pause __hx_exe __hx_hook __hx_sync __hx_start __hx_nul __hx_newline
  typeset -g +x __hx_is_key_unseen __hx_extended_glob
  # a session id from the environment is that of another shell
  [[ -n ${__hx_session-} && ${(t)__hx_session} != *export* ]] || __hx_begin
  __hx_file=$__hx_dir/$__hx_session.$__hx_generation
  typeset -ga zshaddhistory_functions preexec_functions precmd_functions zshexit_functions
  __hx_take_places
}

__hx_take_places() {  # the time of other hooks is not part of the duration of a command
  preexec_functions=(${preexec_functions:#__hx_preexec} __hx_preexec)
  precmd_functions=(__hx_precmd ${precmd_functions:#__hx_precmd})
  zshaddhistory_functions=(${zshaddhistory_functions:#__hx_zshaddhistory} __hx_zshaddhistory)
  zshexit_functions=(${zshexit_functions:#__hx_zshexit} __hx_zshexit)
}

__hx_begin() {
  local -a now=($epochtime)
  local boot_id="" hex=""
  { builtin sysread boot_id </proc/sys/kernel/random/boot_id } 2>/dev/null  # sysread, because read depends on IFS
  typeset -g +x __hx_boot_id=${boot_id%$__hx_newline} __hx_file=""
  typeset -g +x __hx_begin_us=$((now[1] * 1000000 + now[2] / 1000))
  __hx_random_hex
  typeset -g +x __hx_session=${(L)${(l:16::0:)$(([##16]__hx_begin_us))}}$hex
  typeset -gx HX_SESSION=$__hx_session
  # __hx_start_us is empty unless a recorded command runs
  typeset -g +x __hx_typed="" __hx_start_us="" __hx_expanded="" __hx_histchars=""
  typeset -gi +x __hx_minute=0 __hx_seq=0 __hx_generation=0 __hx_commands=0 __hx_bytes=0
  [[ -d $__hx_dir ]] || __hx_make_folder
  [[ ! -O $__hx_dir ]] || __hx_check_size
}

__hx_random_hex() {  # put 16 digits into hex
  local raw="" byte
  { builtin sysread -s 8 raw </dev/urandom } 2>/dev/null
  while (( $#raw < 8 )); do raw+=${(#):-$((RANDOM % 256))}; done
  for byte in ${(s::)raw}; do hex+=${(L)${(l:2::0:)$(([##16] #byte))}}; done
}

__hx_make_folder() {  # root must not create its folders in the home of another user
  local existing=$__hx_dir
  until [[ -d $existing ]]; do existing=${existing:h}; done
  (( EUID != 0 )) || [[ -O $existing ]] || return 0
  ( umask 077; PATH+=:/usr/bin:/bin; command mkdir -p -- $__hx_dir ) 2>/dev/null
  return 0
}

# Check the size (KiB) of the spool, once in each shell, in the background. The process is not a child
# of the shell: zsh loses a prompt that it writes while SIGCHLD comes.
__hx_check_size() {
  ( /bin/sh -c "
    PATH=\$PATH:/usr/bin:/bin
    used=\$(du -sk -- \"\$1\" 2>/dev/null)
    [ \"\${used%%[!0-9]*}\" -gt 1024 ] && exec \"\$2\" status
  " hx $__hx_dir $__hx_exe </dev/null >/dev/null 2>&1 & )
}

# The line as typed: hist_reduce_blanks removes the leading blank before preexec sees the line.
__hx_zshaddhistory() {
  __hx_typed=${1%$__hx_newline}
}

__hx_expand_again() {  # zsh has read the line that was not to change
  HISTCHARS=$__hx_histchars __hx_histchars=""
}

__hx_preexec() {
  builtin trap - DEBUG  # the trap is for the lines of the user
  local line=${__hx_typed:-${1:-${3:-$2}}} typed=$__hx_typed
  [[ $ZSH_SUBSHELL == 0 && ! -o restricted ]] || return 0
  [[ -z $__hx_histchars ]] || __hx_expand_again
  __hx_typed="" __hx_start_us=""
  [[ -n $typed && ${precmd_functions[1]-} == __hx_precmd &&
    ${preexec_functions[-1]-} == __hx_preexec ]] || __hx_take_places
  [[ -n $typed || ! -o hist_reduce_blanks ]] || return 0
  [[ -z ${HX_PRIVATE-} && $line != [[:space:]]#[[:blank:]]* ]] || return 0
  [[ -z ${HISTORY_IGNORE-} ]] || ! __hx_is_ignored $line || return 0
  [[ ! -e $__hx_pause ]] || ! __hx_is_paused || return 0
  [[ $line$3 != *h(x|istory-extended)* ]] || ! __hx_names_secret "$line $3" || return 0
  __hx_record_start $line $3
  return 0
}

__hx_precmd() {
  local exit_status=$? statuses="${(j: :)pipestatus}" start_us=$__hx_start_us
  builtin trap - DEBUG
  [[ $ZSH_SUBSHELL == 0 && ! -o restricted ]] || return 0
  [[ -z $__hx_histchars ]] || __hx_expand_again
  __hx_typed="" __hx_start_us=""
  [[ ${precmd_functions[1]-} == __hx_precmd && ${preexec_functions[-1]-} == __hx_preexec ]] ||
    __hx_take_places
  (( EPOCHSECONDS / 60 == __hx_minute )) || __hx_mind_sync
  [[ -n $start_us ]] || return 0
  [[ ! -e $__hx_pause ]] || ! __hx_is_paused || return 0
  [[ $__hx_expanded == *\|* ]] && __hx_has_pipeline || statuses=$exit_status
  [[ -O $__hx_dir && -s $__hx_file ]] || return 0
  local -a now=($epochtime)
  local n=$__hx_nul end_us=$((now[1] * 1000000 + now[2] / 1000))
  local record="${n}HX1E${n}n$__hx_seq${n}b$start_us${n}e$end_us${n}x$exit_status${n}p$statuses$n$n"
  __hx_bytes+=$#record
  builtin trap "" XFSZ  # a file size limit (ulimit -f) must not end the shell
  { builtin print -rn -- $record >>|$__hx_file } 2>/dev/null || return 0
  [[ -z $__hx_is_key_unseen ]] || __hx_look_at_keys
}

# Once a minute: "hx sync auto on --by shell" lets the shells start a sync, at most one in 15 minutes of
# all shells. The file belongs to somebody else in a shell of root with the HOME of a user.
__hx_mind_sync() {
  local text="" now_s=$EPOCHSECONDS
  __hx_minute=$((now_s / 60))
  [[ -O $__hx_sync ]] || return 0
  { builtin sysread -s 100 text <$__hx_sync.last } 2>/dev/null
  text=${text%%$__hx_newline*}
  if [[ $text == [0-9](#c1,12)" "[0-9](#c1,12) ]]; then
    (( now_s < ${text% *} || now_s >= ${text% *} + ${text#* } )) || return 0
  fi
  ( /bin/sh -c $__hx_start hx $__hx_sync $now_s )
  return 0
}

__hx_zshexit() {
  local exit_status=$?
  [[ $ZSH_SUBSHELL == 0 && $__hx_seq != 0 && ! -o restricted ]] || return 0
  [[ ! -e $__hx_pause ]] || ! __hx_is_paused || return 0
  local -a now=($epochtime)
  local n=$__hx_nul record
  [[ -O $__hx_dir && -s $__hx_file ]] || return 0
  record="${n}HX1X${n}e$((now[1] * 1000000 + now[2] / 1000))"
  [[ -z $__hx_start_us ]] || record+="${n}n$__hx_seq"  # it ends the command too
  # after a signal the status is not that of the command
  [[ -z $__hx_start_us || $__hx_expanded != (exit|logout|bye)([[:space:]]*|) ]] ||
    record+="${n}x$exit_status"
  builtin trap "" XFSZ
  { builtin print -rn -- $record$n$n >>|$__hx_file } 2>/dev/null || return 0
}

__hx_is_paused() {  # succeed when the pause file exists
  local text=""
  { builtin sysread -s 100 text <$__hx_pause } 2>/dev/null
  local deadline_s=${text%%$__hx_newline*}
  [[ $deadline_s != [0-9](#c1,12) ]] || (( deadline_s > EPOCHSECONDS ))
}

# Succeed when zsh does not write the line to its own history file. The pattern has the options of
# the user, and may be a bad one.
__hx_is_ignored() {
  setopt local_options multibyte
  [[ -n $__hx_extended_glob ]] || unsetopt extended_glob
  {
    { [[ $1 == ${~HISTORY_IGNORE} ]] && return 0 } 2>/dev/null
  } always {
    TRY_BLOCK_ERROR=0
  }
  return 1
}

# For hx forget and hx redact. On a long text the exact pattern exhausts the memory and ends the shell.
__hx_names_secret() {
  [[ $1 == *forget* || $1 == *redact* ]] || return 1
  (( $#1 > 2000 )) ||
    [[ $1 == *(hx|history-extended)[^[:alnum:]_./-]##(-*[[:space:]]|)(forget|redact)* ]]
}

# Lines that wait for no job (x=1, a | b &) leave the statuses of an earlier pipeline.
__hx_has_pipeline() {
  (( $#__hx_expanded <= 2000 )) || return 0
  local -a tokens=(${(z)__hx_expanded})
  [[ $tokens[-1] != \&* && -n ${(M)tokens:#\|(&|)} ]]
}

__hx_record_start() {
  local line=$1 n=$__hx_nul
  [[ $line != *$n* ]] || line=${line//$n/^@}
  (( $#line <= 4 << 20 )) || return 0
  (( __hx_commands < 4096 && __hx_bytes < 4 << 20 )) || __hx_rotate || return 0
  [[ -O $__hx_dir ]] && { [[ -s $__hx_file ]] || __hx_make_file } || return 0
  local -a now=($epochtime)
  local start_us=$((now[1] * 1000000 + now[2] / 1000))
  local record="${n}HX1S${n}n$((__hx_seq + 1))${n}b$start_us${n}d$PWD${n}c$line$n$n"
  __hx_bytes+=$#record
  builtin trap "" XFSZ
  { builtin print -rn -- $record >>|$__hx_file } 2>/dev/null || return 0
  __hx_seq+=1 __hx_commands+=1 __hx_start_us=$start_us __hx_expanded=$2
}

__hx_rotate() {  # at most 16 generations of about 4 MiB; fails while the oldest is not drained
  [[ ! -e $__hx_dir/$__hx_session.$((__hx_generation - 15)) ]] || return 1
  __hx_generation+=1 __hx_commands=0 __hx_bytes=0
  __hx_file=$__hx_dir/$__hx_session.$__hx_generation
}

__hx_make_file() {  # a file begins with its header; an empty file has none yet
  local n=$__hx_nul fd
  builtin sysopen -w -m 0600 -o creat,cloexec -u fd $__hx_file 2>/dev/null || return 1
  exec {fd}>&-
  # the umask may have removed permissions from the mode
  { builtin zmodload -F zsh/files b:zf_chmod && builtin zf_chmod 0600 $__hx_file } 2>/dev/null
  local header="${n}HX1H${n}s$__hx_session${n}g$__hx_generation${n}P$$${n}Q$PPID${n}b$__hx_begin_us"
  header+="${n}Szsh${n}V$ZSH_VERSION${n}v$__hx_hook${n}h$HOST${n}u${USER:-$USERNAME}${n}L${SHLVL:-0}${n}d$PWD"
  header+="${TTY:+${n}T$TTY}${__hx_boot_id:+${n}B$__hx_boot_id}"
  builtin trap "" XFSZ
  { builtin print -rn -- "$header$n$n" >>|$__hx_file } 2>/dev/null
}
@PICKER@
@COMPLETION@

__hx_load
'
__hx_widget() {
  __hx_choose
  [[ -z ${__hx_next-} ]] || \builtin zle $__hx_next
}
fi
