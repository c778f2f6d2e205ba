#!/bin/bash
# What a job on the scoring runner runs instead of `rexrank pr score`, `refresh` and `fill` (REXRANK_ISOLATE in the
# runner's .env): calls isolate.sh through sudo and takes from its output one checked line, or the bundle, or nothing.
# What `rexrank pr fetch` put into the folder is not used: the isolated side fetches for itself. The line is written to
# the folder as result.json, because environment variables are limited in size.
set -euo pipefail
prefix=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
answer=$(mktemp "${RUNNER_TEMP:-/tmp}/answer.XXXXXX")
trap 'rm -f -- "$answer"' EXIT
status=0

# shellcheck disable=SC2024  # the output file belongs to this user, as it should
case "${1-} ${2-}" in
"pr score")
    sudo -n "$prefix/bin/isolate.sh" score "${PR-}" "${SHA-}" >"$answer" </dev/null || status=$?
    line=$(tar -xOf "$answer" output 2>/dev/null || true)
    if [[ $line =~ ^result=\{[^[:cntrl:]]*\}$ ]]; then
        mkdir -p -- "$3"
        printf '%s' "${line#result=}" >"$3/result.json"
    else
        status=2
    fi
    ;;
"pr refresh")
    sudo -n "$prefix/bin/isolate.sh" refresh >"$answer" </dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        mkdir -p -- "$3"
        tar -xf "$answer" -C "$3" --strip-components=1 --no-same-owner --no-same-permissions
    fi
    ;;
"pr fill")
    # isolate.sh checks the form; this splits at spaces, without expanding patterns.
    read -ra units <<<"${UNITS-}"
    sudo -n "$prefix/bin/isolate.sh" fill "${units[@]}" >"$answer" </dev/null || status=$?
    ;;
*)
    echo 'wanted: pr score FOLDER, pr refresh FOLDER, or pr fill' >&2
    exit 2
    ;;
esac
case $status in
0) echo 'Done.' ;;
1) echo 'Not scored; the report says why.' ;;
*) echo "Internal failure; see the runner's private log." ;;
esac
exit "$status"
