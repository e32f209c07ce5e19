# What a hook lets sh run when a sync by the shell is due: it starts the sync behind itself, and ends.
# $1 is the file of `hx sync auto on --by shell`: the seconds between two starts, the path of hx, and
# variables for it, a line each. $2 is the time in seconds.
# Of many shells one takes the turn: it creates the file of this period. hx removes those of earlier ones.
# shellcheck shell=sh
trap "" HUP # until hx has a session of its own, the end of the terminal is not the end of the sync
{
  # the shell may have other ones than `hx sync auto on` had
  unset HX_HOME HX_PASSPHRASE_COMMAND XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME HX_SESSION HX_LINE
  {
    IFS= read -r every && IFS= read -r program || exit
    while IFS= read -r variable; do export "${variable?}"; done
  } <"$1"
  case $every in "" | 0* | *[!0-9]*) exit ;; esac
  ( # a subshell, because a store that others share needs the umask of the user
    umask 077
    set -C
    if [ -x "$program" ]; then : >"$1.$(($2 / every))" || exit; fi
    printf "%s %s\n" "$2" "$every" >|"$1.last"
  ) || exit
  exec "$program" sync --background --trigger shell
} </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
