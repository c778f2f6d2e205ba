# shellcheck shell=bash
# Shared by the scripts of the runner kit. Sourced, never run.

die() {
    printf '%s: %s\n' "$(basename -- "$0")" "$1" >&2
    exit 2
}

# conf KEY [DEFAULT]: the one value of KEY in runner.conf ($conf); only plain characters are accepted.
conf() {
    local value
    value=$(sed -n "s/^$1=//p" -- "${conf:?}")
    if [ -z "$value" ]; then
        [ $# -ge 2 ] || die "runner.conf does not set $1."
        printf '%s' "$2"
        return
    fi
    [[ $value =~ ^[A-Za-z0-9/._:+-]+$ ]] || die "runner.conf: $1 is set twice, or contains characters other than A-Z a-z 0-9 / . _ : + -"
    printf '%s' "$value"
}

# private_conf: fails unless runner.conf belongs to the owner of the scripts and nobody else can write it.
private_conf() {
    [ -f "$conf" ] && [ ! -L "$conf" ] || die "$conf does not exist; copy runner.conf.example and fill it in."
    [ "$(stat -c %u -- "$conf")" = "$(stat -c %u -- "${BASH_SOURCE[0]}")" ] || die "$conf and the scripts have different owners."
    case "$(stat -c %A -- "$conf")" in
    ?????w???? | ????????w?) die "$conf is writable by others, not only by its owner." ;;
    esac
}
