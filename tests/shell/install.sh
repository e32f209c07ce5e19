#!/bin/sh
# The shells and tools that the tests drive, where this machine lets us install them. What is
# missing afterwards is said in one line, and the tests that need it skip with a reason.
set -u

missing() {
    for tool in bash zsh fish tmux strace shellcheck git; do
        command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
    done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # (an old list of packages names files that are gone)
    apt-get update >/dev/null 2>&1
    for tool in $wanted; do
        apt-get install --yes --no-install-recommends "$tool" >/dev/null 2>&1 </dev/null
    done
elif command -v brew >/dev/null 2>&1; then
    for tool in $wanted; do
        [ "$tool" = strace ] || brew install --quiet "$tool" >/dev/null 2>&1 </dev/null
    done
fi
left=$(missing)
[ -z "$left" ] || echo "not installed here, their tests are skipped: $left"
exit 0
