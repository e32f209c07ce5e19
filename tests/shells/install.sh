#!/bin/sh
# Installs what the tests of shell hooks, custody and stores use, where this machine lets us. What is
# missing then is said in one line, and its tests are skipped. Fast when all is there; the exit is
# always 0.

# command:package, where they are called differently
tools="zsh fish tmux strace shellcheck direnv zoxide gnome-keyring-daemon:gnome-keyring dbus-daemon:dbus"
tools="$tools fzf mc faketime"
tools="$tools syncthing fusefat mkfs.vfat:dosfstools mount.exfat-fuse:exfat-fuse mkfs.exfat:exfatprogs"
# where systemd runs, the package would start a server that others can reach, and keep it
[ -d /run/systemd/system ] || tools="$tools sshd:openssh-server"
plugins="zsh-autosuggestions zsh-syntax-highlighting" # of zsh: no commands
bash53=${HX_TEST_BASH53:-${XDG_CACHE_HOME:-$HOME/.cache}/hx-tests/bash-5.3}

missing_tools() {
    for tool in $tools; do
        command -v "${tool%%:*}" >/dev/null 2>&1 || printf '%s ' "${tool##*:}"
    done
    for plugin in $plugins; do
        [ -e "/usr/share/$plugin" ] || [ -e "/opt/homebrew/share/$plugin" ] ||
            [ -e "/usr/local/share/$plugin" ] || printf '%s ' "$plugin"
    done
}

is_bash53() {
    # shellcheck disable=SC2016 # for the other shell
    "$1" -c '[ "${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}" -ge 53 ]' 2>/dev/null
}

apt() {
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::http::Timeout=20 -o Acquire::Retries=1 \
        "$@" >/dev/null 2>&1
}

can_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

install_tools() {
    # shellcheck disable=SC2046,SC2086 # words
    if can_apt; then
        apt update
        apt install --yes --no-install-recommends $(missing_tools) ||
            for tool in $(missing_tools); do apt install --yes --no-install-recommends "$tool"; done
    elif command -v brew >/dev/null 2>&1; then
        is_bash53 bash || brew install --quiet bash >/dev/null 2>&1
        for tool in $(missing_tools); do brew install --quiet "$tool"; done >/dev/null 2>&1
    fi
}

# Debian's newest bash is linked statically in a package of its own: it runs on an older Debian too.
# The mirror is the one this machine uses; nothing is installed.
fetch_bash53() {
    can_apt || return
    # shellcheck disable=SC2016 # fields of apt
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 2>/dev/null |
        sed -n 's|^Debian \(.*/debian/\)$|\1|p' | sort -u | head -n 1)
    [ -n "$mirror" ] || return
    scratch=$(mktemp -d) || return
    (
        cd "$scratch" && mkdir -p lists/partial cache/archives/partial || exit
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        echo "deb [signed-by=$keyring] $mirror sid main" >sources
        cat >config <<EOF
Dir::Etc::sourcelist "$scratch/sources";
Dir::Etc::sourceparts "-";
Dir::State::lists "$scratch/lists";
Dir::Cache "$scratch/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOF
        export APT_CONFIG="$scratch/config"
        apt update && apt download bash-static/sid && dpkg-deb -x bash-static_*.deb . || exit
        mkdir -p "$(dirname "$bash53")" && cp usr/bin/bash-static "$bash53"
    ) 2>/dev/null
    rm -rf "$scratch"
}

[ -z "$(missing_tools)" ] || install_tools
is_bash53 bash || is_bash53 "$bash53" || fetch_bash53

missing=$(missing_tools)
is_bash53 bash || is_bash53 "$bash53" || missing="${missing}bash-5.3"
[ -z "$missing" ] || echo "tests/shells: not here, so their tests are skipped: $missing"
exit 0
