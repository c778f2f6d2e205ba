#!/bin/bash
# Sets up a machine as the scoring runner, as root, from a checkout of main owned by root. Run it again after every
# change under runner/: it is idempotent and never touches references, store, models or the salt.
#
#   setup.sh                 accounts, folders, scripts, sudoers, salt: everything listed in `layout`
#   setup.sh --check         changes nothing; lists every difference from `layout`, and exits with 1 if there is one
#   setup.sh [--check] --destdir DIR   the same under DIR, without accounts and owners: for inspection and for the tests
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 0022
source=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
dest='' act=make status=0
if [ "${1-}" = --check ]; then
    act=check
    shift
fi
if [ "${1-}" = --destdir ]; then
    dest=${2:?wanted: --destdir DIR}
elif [ $# -gt 0 ]; then
    echo 'wanted: setup.sh [--check] [--destdir DIR]' >&2
    exit 2
elif [ "$(id -u)" != 0 ]; then
    echo 'setup: this needs root.' >&2
    exit 2
fi

# make_account NAME HOME SHELL GROUPS
make_account() {
    local home=--no-create-home group groups
    [ "$2" = /nonexistent ] || home=--create-home
    id -u "$1" >/dev/null 2>&1 ||
        useradd --system --user-group "$home" --home-dir "$2" --shell "$3" --password '*' "$1"
    IFS=, read -ra groups <<<"${4#-}"
    for group in "${groups[@]}"; do
        ! getent group "$group" >/dev/null || usermod -aG "$group" "$1"
    done
}

# make_path KIND MODE OWNER GROUP PATH SOURCE
make_path() {
    local target=$dest$5 owner=(-o "$3" -g "$4")
    [ -z "$dest" ] || owner=()
    case $1:$6 in
    folder:*) install -d -m "$2" "${owner[@]}" "$target" ;;
    file:*) install -m "$2" "${owner[@]}" "$source/$6" "$target" ;;
    once:*) [ ! -e "$target" ] || return 0 ;;&
    once:-)
        (umask 0377 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$target")
        echo "wrote a new salt to $target: keep a copy; a different salt gives different intervals."
        ;;
    once:*) install -m "$2" "${owner[@]}" "$source/$6" "$target" ;;
    esac
}

differs() {
    printf '%s is %s, wanted: %s\n' "$@"
    status=1
}

check_account() {
    local found group
    found=$(getent passwd "$1" | cut -d: -f6,7) || true
    [ "$found" = "$2:$3" ] || differs "$1" "${found:-absent}" "$2:$3"
    for group in $(id -Gn "$1" 2>/dev/null); do
        [[ ,$1,$4, == *,$group,* ]] || differs "$1" "in the group $group" "no group but its own and $4"
    done
}

check_path() {
    local target=$dest$5 form='%a %U:%G' wanted="${2#0} $3:$4" found
    [ -z "$dest" ] || form=%a wanted=${2#0}
    # Links are followed: the environment's python is one.
    found=$(stat -L -c "$form" -- "$target" 2>/dev/null) || found=absent
    if [ "$found" != "$wanted" ]; then
        differs "$5" "$found" "$wanted"
    elif [ "$1" = file ] && ! cmp -s -- "$source/$6" "$target"; then
        differs "$5" 'a different file' "runner/$6 of this checkout"
    fi
}

declare -A names=([root]=root)
while read -r kind one two three four five; do
    case $kind in
    account)
        names[$one]=$two
        [ -n "$dest" ] || "${act}_account" "$two" "$three" "$four" "$five"
        ;;
    folder | file | once | given) "${act}_path" "$kind" "$one" "${names[$two]}" "${names[$three]}" "$four" "$five" ;;
    esac
done <"$source/layout"
if [ $act = check ]; then
    exit "$status"
fi

if [ -z "$dest" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ -z "$dest" ] && command -v visudo >/dev/null; then
    visudo -cqf /etc/sudoers.d/rexrank
fi
echo "Next: set REPOSITORY in $dest/opt/rexrank/etc/runner.conf, continue with site/maintainers/runner.md, and"
echo 'check the whole setup with: sudo /opt/rexrank/venv/bin/rexrank doctor'
