# hx for zsh 5.8 and later. Builtins only: a command costs no process.
# The functions carry their own options (sticky emulation), so that nothing the user sets breaks
# them or makes them talk. Their text stands in one quoted string: no apostrophe may occur in it.
if [[ -o interactive ]] && \builtin zmodload zsh/datetime zsh/system 2>/dev/null; then
\builtin typeset -g __hx_dir=@SPOOL@ __hx_pause=@PAUSE@ __hx_exe=@HX@ __hx_nul=$'\0' __hx_newline=$'\n'
\builtin emulate zsh -o extended_glob -o no_multibyte -o no_aliases -o no_xtrace -o no_verbose \
  -o no_err_exit -o no_err_return -o no_force_float -o no_print_exit_value -o no_bg_nice -c '
__hx_load() {
  typeset -g +x __hx_dir __hx_pause __hx_exe __hx_nul __hx_newline  # all_export exports them
  [[ -n ${__hx_session-} ]] || __hx_begin
  typeset -ga zshaddhistory_functions preexec_functions precmd_functions zshexit_functions
  zshaddhistory_functions=(${zshaddhistory_functions:#__hx_zshaddhistory} __hx_zshaddhistory)
  zshexit_functions=(${zshexit_functions:#__hx_zshexit} __hx_zshexit)
  __hx_hook_last
  __hx_hook_first
}

# What other hooks cost is not part of the duration of a command.
__hx_hook_last() {
  [[ ${preexec_functions[-1]-} == __hx_preexec ]] ||
    preexec_functions=(${preexec_functions:#__hx_preexec} __hx_preexec)
}
__hx_hook_first() {
  [[ ${precmd_functions[1]-} == __hx_precmd ]] ||
    precmd_functions=(__hx_precmd ${precmd_functions:#__hx_precmd})
}

__hx_begin() {
  local boot_id=""
  zmodload -F zsh/files b:zf_chmod 2>/dev/null
  { IFS= builtin read -r boot_id </proc/sys/kernel/random/boot_id } 2>/dev/null
  # start_us and seq of the running command: empty when there is none
  typeset -g +x __hx_boot_id=$boot_id __hx_us="" __hx_begin_us="" __hx_start_us="" __hx_typed=""
  typeset -gi +x __hx_seq=0 __hx_generation=0 __hx_commands=0 __hx_bytes=0
  __hx_clock
  __hx_begin_us=$__hx_us
  __hx_random_hex
  typeset -g +x __hx_session=${(L)${(l:16::0:)$(([##16]__hx_us))}}$REPLY
  typeset -gx HX_SESSION=$__hx_session
  [[ -d $__hx_dir ]] || __hx_make_folder
  [[ ! -O $__hx_dir ]] || __hx_check_size
}

__hx_clock() {  # into __hx_us, microseconds since 1970
  local -a now=($epochtime)
  __hx_us=$((now[1] * 1000000 + now[2] / 1000))
}

__hx_random_hex() {  # 16 digits into REPLY
  local raw="" byte
  typeset -g REPLY=""
  { sysread -s 8 raw </dev/urandom } 2>/dev/null
  while (( $#raw < 8 )); do raw+=${(#):-$((RANDOM % 256))}; done
  for byte in ${(s::)raw}; do REPLY+=${(L)${(l:2::0:)$(([##16] #byte))}}; done
}

__hx_make_folder() {  # root must not put its own folders into the home of somebody else
  local existing=$__hx_dir
  until [[ -d $existing ]]; do existing=${existing:h}; done
  (( EUID != 0 )) || [[ -O $existing ]] || return 0
  ( umask 077; command mkdir -p -- $__hx_dir ) 2>/dev/null
  return 0
}

__hx_check_size() {  # sizes in KiB; once a shell, behind its back
  command sh -c "
    used=\$(du -sk -- \"\$1\" 2>/dev/null)
    [ \"\${used%%[!0-9]*}\" -gt 1024 ] && exec \"\$2\" status
  " hx $__hx_dir $__hx_exe </dev/null >/dev/null 2>&1 &!
}

# The line as typed. preexec gets it too, but without its leading blank when hist_reduce_blanks is on.
__hx_zshaddhistory() {
  __hx_typed=${1%$__hx_newline}
}

__hx_preexec() {
  local line=${__hx_typed:-${1:-${3:-$2}}}
  __hx_start_us=""
  __hx_hook_last
  __hx_hook_first
  (( ZSH_SUBSHELL == 0 )) || return 0
  [[ -n $__hx_typed || ! -o hist_reduce_blanks ]] || return 0
  __hx_typed=""
  __hx_is_private $line || __hx_names_secret $line || __hx_names_secret $3 ||
    __hx_record_start $line
  return 0
}

__hx_precmd() {
  local exit_status=$? statuses="${(j: :)pipestatus}"
  __hx_typed=""
  __hx_hook_first
  [[ -z $__hx_start_us ]] || __hx_record_end $exit_status $statuses
  __hx_start_us=""
  return 0
}

__hx_zshexit() {
  (( ZSH_SUBSHELL == 0 && __hx_seq > 0 )) || return 0
  local n=$__hx_nul
  __hx_clock
  __hx_append "${n}HX1X${n}e$__hx_us$n$n"
}

__hx_is_private() {
  [[ -n ${HX_PRIVATE-} || $1 == [[:space:]]#[[:blank:]]* ]] || __hx_is_paused
}

__hx_is_paused() {
  [[ -e $__hx_pause ]] || return 1
  local deadline_s=""
  { IFS= builtin read -r deadline_s <$__hx_pause } 2>/dev/null
  [[ $deadline_s != [0-9](#c1,12) ]] || (( deadline_s > EPOCHSECONDS ))
}

# hx forget, hx redact. The exact pattern runs out of memory on a long text and then ends the shell.
__hx_names_secret() {
  [[ $1 == *hx* || $1 == *history-extended* ]] || return 1
  [[ $1 == *forget* || $1 == *redact* ]] || return 1
  (( $#1 > 2000 )) ||
    [[ $1 == *(hx|history-extended)[^[:alnum:]_./-]##(-*[[:space:]]|)(forget|redact)* ]]
}

__hx_record_start() {
  local n=$__hx_nul line=${1//$__hx_nul/^@}
  (( $#line <= 4 << 20 )) && __hx_rotate || return 0
  __hx_clock
  __hx_append_first "${n}HX1S${n}n$((__hx_seq + 1))${n}b$__hx_us${n}d$PWD${n}c$line$n$n" || return 0
  __hx_seq+=1 __hx_commands+=1 __hx_start_us=$__hx_us
}

__hx_record_end() {
  local n=$__hx_nul
  __hx_clock
  __hx_is_paused ||
    __hx_append "${n}HX1E${n}n$__hx_seq${n}b$__hx_start_us${n}e$__hx_us${n}x$1${n}p$2$n$n"
}

__hx_rotate() {  # at most 16 generations of about 4 MiB; fails while the oldest is not drained
  (( __hx_commands >= 4096 || __hx_bytes >= 4 << 20 )) || return 0
  [[ ! -e $__hx_dir/$__hx_session.$((__hx_generation - 15)) ]] || return 1
  __hx_generation+=1 __hx_commands=0 __hx_bytes=0
}

__hx_append_first() {  # behind a header where the file is new
  [[ -O $__hx_dir ]] || return 1
  [[ -f $__hx_dir/$__hx_session.$__hx_generation ]] || __hx_make_file || return 1
  __hx_append $1
}

__hx_make_file() {  # chmod: a umask may take away what the mode asks for
  local file=$__hx_dir/$__hx_session.$__hx_generation fd
  sysopen -w -m 0600 -o creat,cloexec -u fd $file 2>/dev/null || return 1
  exec {fd}>&-
  (( ! $+builtins[zf_chmod] )) || zf_chmod 0600 $file 2>/dev/null
  __hx_header
  __hx_append $REPLY
}

__hx_header() {
  local n=$__hx_nul
  typeset -g REPLY="${n}HX1H${n}s$__hx_session${n}g$__hx_generation${n}P$$${n}Q$PPID"
  REPLY+="${n}b$__hx_begin_us${n}Szsh${n}V$ZSH_VERSION${n}h$HOST${n}u${USER:-$USERNAME}"
  REPLY+="${TTY:+${n}T$TTY}${n}L${SHLVL:-0}${n}d$PWD${__hx_boot_id:+${n}B$__hx_boot_id}$n$n"
}

__hx_append() {  # only to a file that is there: without its header a file cannot be read
  local file=$__hx_dir/$__hx_session.$__hx_generation
  [[ -O $__hx_dir && -f $file ]] || return 1
  __hx_bytes+=$#1
  { builtin print -rn -- $1 >>|$file } 2>/dev/null
}

__hx_load
'
fi
