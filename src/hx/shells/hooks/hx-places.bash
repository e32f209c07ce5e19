# Part of hx.bash: where it stands in PS0, PROMPT_COMMAND and the EXIT trap, beside other tools.

# ---- places ----

# A DEBUG trap runs before every simple command of PROMPT_COMMAND: titles, timers and marks of other
# tools would take ours for a command of the user. It does not run before a `for` without words. So
# each of our places is a `for` whose words assign what is needed in arithmetic and are empty, and
# only where there is no DEBUG trap they are one word, and the loop calls a function. Where there is
# one (__hx_traced), a command substitution does the work in a process of its own. In a function of
# another tool the trap is not seen (unless functrace is on), and ours can be called: a tool that runs
# our text there at every prompt (__hx_nests) saves the process. All of it is silent where these
# variables are not set, because a child shell may inherit PS0 and PROMPT_COMMAND.
# bash parses PROMPT_COMMAND anew at each prompt. So the texts are short, and what is rarely needed is in
# variables that are expanded as prompts are (@P), or evaluated as arithmetic.
__hx_write_places() {
  local __hx_void_of='${__hx_void[' __hx_do='; do __hx_precmd 2>/dev/null && :; done'
  local __hx_fork='$({ %s; } 9>&1 >/dev/null 2>&1)0]}'
  local __hx_blocked='+__hx_r${-//[^r]}'
  local __hx_noted='__hx_now=${EPOCHREALTIME/[^0-9]/},__hx_status=$?'
  local __hx_once='${__hx_notes//[^"${__hx_pipe[0]:=${PIPESTATUS[@]}}"]}'
  local __hx_forked_if='__hx_unsure||__hx_lines>__hx_from||HISTCMD-__hx_base?1:0'
  local __hx_words

  __hx_first='for __hx_each in ${__hx_lines+${__hx_firsts[__hx_traced]@P}}'$__hx_do
  # (a restricted shell has no redirections: nothing runs; without promptvars each is one word)
  __hx_firsts=('${-##*r*}' '${__hx_watched@P}')
  __hx_words=$__hx_void_of'__hx_given=$?,HX_LINE=0,__hx_noted=1,__hx_depth=1${FUNCNAME+1+__hx_seen},'
  __hx_words+='__hx_seen||('$__hx_noted',__hx_sure=__hx_based,__hx_based=0),__hx_seen=1,'
  __hx_words+='__hx_way=(__hx_depth<2)*(__hx_traced+2*__hx_nests)'$__hx_blocked',0]}'
  __hx_words+='${__hx_odd[__hx_way]+${__hx_forks[__hx_way]+${__hx_forks['$__hx_forked_if']+'
  __hx_words+=$__hx_void_of${__hx_fork/'%s'/__hx_forked}'}}'
  __hx_words+='${__hx_rests[__hx_way]+'$__hx_once'}}${__hx_calls[__hx_way]+'$__hx_once'i}'
  __hx_watched=$__hx_words

  # The last one sees the history number of the prompt, and takes the first place again when it is lost.
  # (A function of another tool may run a copy of it, and bash then runs this one.)
  __hx_last_place='for __hx_each in ${__hx_lines+${__hx_lasts[__hx_seen?__hx_nests:1]@P}}'$__hx_do
  __hx_lasts=('${__hx_empty:__hx_base=HISTCMD,__hx_based=1,__hx_seen=0${FUNCNAME+||__hx_seen}}' '${__hx_at_end@P}')
  __hx_words='${__hx_forks[__hx_nests&&__hx_lines>__hx_from]+'$__hx_void_of${__hx_fork/'%s'/__hx_forked}'}'
  __hx_words+=$__hx_void_of'__hx_given=$?,HX_LINE=0,__hx_depth=1${FUNCNAME+1+__hx_seen},'
  __hx_words+='__hx_seen||('$__hx_noted'),__hx_noted=__hx_seen?0:1,'
  __hx_words+='__hx_seen&&(__hx_base=HISTCMD,__hx_based=1),__hx_way=__hx_seen'$__hx_blocked
  __hx_words+=',__hx_seen=0${FUNCNAME+||__hx_seen},0]}${__hx_calls[__hx_way]+'$__hx_once'i}'

  if ((__hx_version < 501)); then # HISTCMD is 1 in PROMPT_COMMAND: only a function can look
    __hx_words=${__hx_words/'__hx_way=__hx_seen'/'__hx_late=__hx_seen,__hx_way=((__hx_traced||__hx_beside)&&__hx_seen)'}
    __hx_words=${__hx_words/'__hx_seen&&(__hx_base=HISTCMD,__hx_based=1),'}
    __hx_last_place=${__hx_last_place/' __hx_precmd '/' __hx_last_precmd '}
    __hx_last_place=${__hx_last_place/'__hx_seen?__hx_nests:1'/1}
  fi
  __hx_at_end=$__hx_words
  # in one string with others, a loop without words would hide the status from them
  __hx_restores='(\builtin exit "${__hx_given-0}") && for __hx_each in ${__hx_void}; do :; done'

  __hx_words=$__hx_void_of'__hx_status=$?,__hx_way=__hx_traced'$__hx_blocked',0]}'
  __hx_words+='${__hx_forks[__hx_way]+'$__hx_void_of${__hx_fork/'%s'/'__hx_exit forked'}'}'
  __hx_words+='${__hx_calls[__hx_way]+"x"}'
  __hx_at_exit='for __hx_each in ${__hx_lines+'$__hx_words'}; do '
  __hx_at_exit+='\builtin declare -f +t __hx_exit && __hx_exit && :; done'

  __hx_write_ps0
  # an alias may not be in the way of `for`
  if [[ ${BASH_ALIASES[for]+x}${BASH_ALIASES[do]+x}${BASH_ALIASES[done]+x} ]]; then
    __hx_first=__hx_noted_precmd __hx_last_place=__hx_noted_base __hx_at_exit='__hx_exit && :' __hx_traced=0
  fi
}

# PS0 stores for each line: folder, start (us), history number, whether HX_PRIVATE is set, and the
# status of the line before. ([^0-9], because `!` in a prompt is the history number in POSIX mode)
__hx_write_ps0() { # with the variables of __hx_write_places
  __hx_words='${PWD##"${__hx_folders[__hx_lines]:=$PWD}"}'
  __hx_words+='${__hx_empty:__hx_ended=$?,__hx_began=${EPOCHREALTIME/[^0-9]/},'
  __hx_words+='__hx_hides=0${HX_PRIVATE:+1},__hx_lines?__hx_stamp_next:__hx_stamp}'
  # (the first one is by far the most frequent, and needs no index)
  __hx_stamp='__hx_starts=__hx_began,__hx_numbers=HISTCMD,__hx_hidden=__hx_hides,__hx_statuses=__hx_ended,'
  __hx_stamp+='HX_LINE=__hx_hides?-2:__hx_erases||__hx_numbers>__hx_base?HX_LINE?-3:'
  __hx_stamp+='__hx_fault?__hx_fault:__hx_began:-1,__hx_lines=1,__hx_seen=0'
  __hx_stamp_next=${__hx_stamp/__hx_starts=/'__hx_starts[__hx_lines]='}
  __hx_stamp_next=${__hx_stamp_next/__hx_numbers=HISTCMD/'__hx_numbers[__hx_lines]=HISTCMD'}
  __hx_stamp_next=${__hx_stamp_next/__hx_numbers>/'HISTCMD>'}
  __hx_stamp_next=${__hx_stamp_next/__hx_hidden=/'__hx_hidden[__hx_lines]='}
  __hx_stamp_next=${__hx_stamp_next/__hx_statuses=/'__hx_statuses[__hx_lines]='}
  __hx_stamp_next=${__hx_stamp_next/__hx_lines=1/__hx_lines+=1}
  if ((__hx_version >= 503)); then
    __hx_words='${__hx_forks[__hx_way]+'${__hx_words/'=$?'/=__hx_status}'}'
    __hx_words+='${__hx_calls[__hx_way]+'$__hx_once'${| __hx_started 2>/dev/null; }}'
    __hx_words=$__hx_void_of'__hx_way=(__hx_traced||__hx_beside)'$__hx_blocked',0]}'$__hx_words
    __hx_words=$__hx_void_of${__hx_fork/'%s'/__hx_find_trap}'}'$__hx_words
    __hx_words='${__hx_forks[(__hx_traced&&__hx_unsure)'$__hx_blocked']+'$__hx_words
    __hx_before_line='${__hx_empty:__hx_status=$?}'$__hx_words
    __hx_words='${__hx_empty:__hx_status=$?}${__hx_running:+'$__hx_once'}'
    __hx_words+='${| case $- in *r*) ;; *) __hx_started 2>/dev/null ;; esac; }'
    __hx_begins=("$__hx_words" '${__hx_before_line@P}')
    __hx_words='${__hx_begins[__hx_traced||__hx_beside]@P}'
  fi
  __hx_ps0='${__hx_lines+'$__hx_words'}${__hx_end-}'
}

__hx_noted_precmd() { # a function of bash-preexec's list, which knows the PIPESTATUS
  __hx_status=$? __hx_pipe=("${PIPESTATUS[@]}") __hx_now=${EPOCHREALTIME/[!0-9]/}
  [[ $__hx_beside == 0 ]] || __hx_pipe=("${BP_PIPESTATUS[@]}")
  local IFS
  IFS=' '
  __hx_pipe=("${__hx_pipe[*]}") __hx_sure=$__hx_based __hx_based=0 __hx_traced=0 __hx_unsure=0
  __hx_depth=1 __hx_noted=1 __hx_given=$__hx_status __hx_each=${__hx_firsts@P}
  __hx_precmd 2>/dev/null
}

__hx_noted_base() {
  __hx_base=$HISTCMD __hx_based=1 __hx_seen=0
  ((__hx_version >= 501)) || __hx_see_base
}

__hx_last_precmd() { # bash 5.0
  __hx_given=$?
  if ((__hx_late)); then __hx_see_base && __hx_based=1; else __hx_precmd; fi
  __hx_pipe=()
  return "$__hx_given"
}

__hx_see_history() { # HISTCMD of bash 5.0 -> __hx_next
  local __hx_reply=
  __hx_print fc -l -1 -1 2>/dev/null
  __hx_next=$((${__hx_reply%%[!0-9]*}0 / 10 + 1))
}

__hx_see_base() {
  local __hx_next
  __hx_see_history
  # (with HISTSIZE=0 bash counts the lines, but keeps none: no number is greater than this)
  [[ $__hx_next -gt 1 || ${HISTSIZE-} != 0 ]] || __hx_next=$((1 << 62))
  __hx_base=$__hx_next
}

__hx_arm() {
  # (a process at each prompt, which a shell without a DEBUG trap does not need)
  if [[ $__hx_ours == *"$__hx_restores" && $__hx_traced == 0 ]] ||
    [[ $__hx_ours == "$__hx_first" && $__hx_traced == 1 && $__hx_version -lt 501 ]]; then
    __hx_ours=-
  fi
  [[ ${PS0-} == *"$__hx_ps0"* && $BASHOPTS == *promptvars* ]] || __hx_take_ps0
  # (at most 8 times: another tool may insist on its place too, and the list must not grow for ever)
  if ! __hx_is_armed && ((__hx_rearmed++ < 8)) && __hx_writable PROMPT_COMMAND; then
    __hx_take_places
  fi
  if ((__hx_beside == 1 && __hx_version >= 501)); then # so that the next prompt has no doubt
    __hx_imported=${bash_preexec_imported-}${__bp_imported-}__hx_noted_precmd
    __hx_size_first=${#PROMPT_COMMAND} __hx_size_final=${#PROMPT_COMMAND[-1]}
  fi
}

__hx_take_ps0() {
  __hx_writable PS0 || return 0
  while [[ ${PS0-} == *'${__hx_lines+'*'${__hx_end-}'* ]]; do # ours, or what an outer shell exported
    PS0=${PS0%%'${__hx_lines+'*}${PS0#*'${__hx_end-}'}
  done
  # (without promptvars bash would print PS0 without expanding it)
  [[ $BASHOPTS != *promptvars* ]] || PS0=$__hx_ps0${PS0-}
}

__hx_is_armed() {
  if [[ ${bash_preexec_imported-}${__bp_imported-} ]]; then
    [[ $__hx_beside == 1 && ${precmd_functions-} == __hx_noted_precmd &&
      "${PROMPT_COMMAND[*]-}" == *"$__hx_last_place"* && "${PROMPT_COMMAND[*]-}" != *"$__hx_first"* ]]
  elif ((__hx_version < 501)); then
    # (in a function of another tool that took our text: before it we would hide the status from it)
    [[ (${PROMPT_COMMAND-} == "$__hx_ours"* && $PROMPT_COMMAND == *"$__hx_final") ||
      ($__hx_depth -gt 1 && ${PROMPT_COMMAND-} != *"$__hx_first"*) ]]
  else
    [[ ${PROMPT_COMMAND-} == "$__hx_first" && ${PROMPT_COMMAND[-1]} == "$__hx_final" &&
      ${#PROMPT_COMMAND[@]} -gt 1 ]]
  fi
}

__hx_take_places() {
  local __hx_others=() __hx_ends=() __hx_element
  if [[ ${bash_preexec_imported-}${__bp_imported-} ]]; then
    __hx_stand_beside
    return
  fi
  for __hx_element in "${PROMPT_COMMAND[@]}"; do
    __hx_without_ours "$__hx_element"
    case $__hx_reply in
    '') ;;
    # liquidprompt knows by the last element that a prompt begins
    *__lp_set_prompt) __hx_others+=("${__hx_reply%__lp_set_prompt}") __hx_ends+=(__lp_set_prompt) ;;
    *) __hx_others+=("$__hx_reply") ;;
    esac
  done
  if ((__hx_version < 501)); then
    __hx_final=$__hx_last_place${__hx_ends:+$'\n'$__hx_ends} __hx_ours=$__hx_first
    [[ ! $__hx_others$__hx_ends || $__hx_traced == 0 ]] || __hx_ours+=$'\n'$__hx_restores
    # (a newline, because the old value may end with a semicolon)
    PROMPT_COMMAND=$__hx_ours${__hx_others:+$'\n'$__hx_others}$'\n'$__hx_final
    return
  fi
  if ((!__hx_depth && !${#__hx_ends})); then
    # until the first prompt ours is in one string with the first one: a tool that is loaded later takes that
    PROMPT_COMMAND=("$__hx_first${__hx_others:+$'\n'$__hx_others}")
    __hx_others=("${__hx_others[@]:1}")
  else
    PROMPT_COMMAND=("$__hx_first")
  fi
  for __hx_element in "${__hx_others[@]}"; do
    [[ ! $__hx_element ]] || PROMPT_COMMAND+=("$__hx_element")
  done
  PROMPT_COMMAND+=("$__hx_last_place" "${__hx_ends[@]}")
  __hx_final=${PROMPT_COMMAND[-1]} __hx_size_first=${#__hx_first} __hx_size_final=${#PROMPT_COMMAND[-1]}
}

# bash-preexec puts its own first and last into PROMPT_COMMAND; its list of functions is the place for
# others.
__hx_stand_beside() {
  local __hx_at __hx_kept=()
  __hx_beside=1 __hx_traced=0 __hx_unsure=0 __hx_again=0
  for __hx_at in "${precmd_functions[@]}"; do
    [[ $__hx_at == __hx_noted_precmd ]] || __hx_kept+=("$__hx_at")
  done
  precmd_functions=(__hx_noted_precmd "${__hx_kept[@]}")
  for __hx_at in "${!PROMPT_COMMAND[@]}"; do
    __hx_without_ours "${PROMPT_COMMAND[__hx_at]}"
    if [[ $__hx_reply ]]; then
      PROMPT_COMMAND[__hx_at]=$__hx_reply
    elif ((__hx_version < 501)); then
      PROMPT_COMMAND=
    else
      unset -v 'PROMPT_COMMAND[__hx_at]'
    fi
  done
  if ((__hx_version < 501)); then
    PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}$__hx_last_place
  else
    # (without a gap: somebody may take the number of elements, less one, for the last index)
    PROMPT_COMMAND=("${PROMPT_COMMAND[@]}" "$__hx_last_place")
  fi
}

__hx_without_ours() { # $1 -> __hx_reply; what was added to our element remains
  __hx_reply=${1//"$__hx_restores"/}
  while [[ $__hx_reply == *'for __hx_each in '*' && :; done'* ]]; do
    __hx_reply=${__hx_reply%%'for __hx_each in '*}$'\n'${__hx_reply#*'for __hx_each in '*' && :; done'}
  done
  __hx_reply=${__hx_reply//__hx_noted_precmd/} __hx_reply=${__hx_reply//__hx_noted_base/}
  while [[ $__hx_reply == [$';\n ']* ]]; do __hx_reply=${__hx_reply:1}; done
  while [[ $__hx_reply == *[$';\n '] ]]; do __hx_reply=${__hx_reply%?}; done
}

# At the first prompt, not before: the integration of JetBrains looks whether there is an EXIT trap,
# and then leaves the history alone.
__hx_chain_exit() { # run before the EXIT trap of the user, not instead of it
  local __hx_trap=()
  __hx_print trap -p EXIT || return 1
  case $__hx_reply in
  *__hx_exit*) return ;;
  'trap -- '*) builtin eval "__hx_trap=(${__hx_reply#trap -- })" ;;
  esac
  # (a subshell sets the status that theirs may read)
  local __hx_then=$'\n(\\builtin exit "${__hx_status-0}") && :\n'
  builtin trap -- "$__hx_at_exit${__hx_trap:+$__hx_then$__hx_trap}" EXIT
}

# ---- in a process of its own, unseen by a DEBUG trap ----

# What the shell must know afterwards is printed as assignments in arithmetic.
__hx_forked() {
  __hx_pipe=("${PIPESTATUS[@]}")
  ((BASH_SUBSHELL < 2)) || return
  set +aekuvx
  local __hx_was_private=$__hx_private __hx_i=$__hx_from __hx_doubtful= __hx_next=$HISTCMD __hx_reply= IFS=' '
  __hx_pipe=("${__hx_pipe[*]}") __hx_before=$__hx_base __hx_depth=1
  __hx_as_child
  __hx_print trap -p DEBUG || return
  if [[ $__hx_reply != *'trap -- '* ]]; then
    builtin printf '__hx_traced=0,__hx_unsure=0,__hx_way=0,' >&9
    return
  fi
  builtin trap - DEBUG
  set +T
  builtin printf '__hx_nests=0,' >&9
  ((__hx_version >= 501)) || __hx_see_history
  # (in one string with others it would hide the status from them)
  if ! __hx_is_armed || [[ $__hx_expands ||
    ($__hx_lines -gt $__hx_from && :${HISTCONTROL-}: == *:hx_ignoredups:*) ||
    ($__hx_version -lt 501 && $__hx_ours == "$__hx_first" &&
    $PROMPT_COMMAND != "$__hx_first"$'\n'"$__hx_final") ]]; then
    builtin printf '__hx_way=0,' >&9 # only the shell itself can do this
    return
  fi
  __hx_record_unseen
  builtin printf '%s=%d,' __hx_unsure 0 __hx_from "$__hx_lines" __hx_seq "$__hx_seq" \
    __hx_records "$__hx_records" __hx_bytes "$__hx_bytes" __hx_generation "$__hx_generation" \
    __hx_last_pipe "$__hx_last_pipe" __hx_last_job "$__hx_last_job" \
    __hx_prompted_us "$__hx_now" __hx_base "$__hx_next" >&9
}

__hx_find_trap() { # fail where there is no DEBUG trap
  __hx_as_child
  __hx_print trap -p DEBUG || return
  builtin printf '__hx_unsure=0,' >&9
  [[ $__hx_reply == *'trap -- '* ]] || builtin printf '__hx_traced=0,' >&9
}

__hx_as_child() { # variables that the shell cannot get back from a child
  set +o history # else `fc` counts the command substitution as a line
  ((__hx_version >= 503)) || __hx_text=${__hx_text:-$__hx_dir/$__hx_session.t}
  [[ $__hx_generation == -1 ]] || __hx_file=$__hx_dir/$__hx_session.$__hx_generation
}

__hx_record_unseen() {
  __hx_private=${HX_PRIVATE:+1}
  [[ $__hx_private || ! -e $__hx_pause ]] || __hx_mind_pause
  __hx_dedup= __hx_erases= __hx_last_number=-1 __hx_folder=${__hx_folders[__hx_from]-$PWD}
  [[ :${HISTCONTROL-}: != *:erasedups:* ]] || __hx_erases=1
  if ((__hx_lines > __hx_from)); then
    __hx_record_lines
  elif ((__hx_sure)); then
    __hx_record_edited
  fi
  if ((${__hx_key_unseen-0} && __hx_seq)); then
    __hx_look_at_keys
    builtin printf '__hx_key_unseen=0,' >&9
  fi
  if ((__hx_now / 60000000 != __hx_minute)); then
    __hx_mind_sync
    builtin printf '__hx_minute=%d,' "$__hx_minute" >&9
  fi
}
