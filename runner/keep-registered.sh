#!/bin/bash
# Runs on a machine other than the runner: keeps one just-in-time runner registered, job after job.
#
#   keep-registered.sh ORGANISATION GROUP-ID SSH-HOST [--once]
#   keep-registered.sh OWNER/REPOSITORY SSH-HOST [--once]
#
# Needs `gh` and ssh to an account on the runner whose only sudo right is run-one-job.sh. The runner never sees the
# credential, only a configuration for one job. The first form registers to an organisation's runner group, as an App
# that can register runners there and nothing else: REXRANK_APP_ID, REXRANK_INSTALLATION_ID and the App's private key in
# the file REXRANK_APP_KEY, from which it creates a one-hour token before each registration. The second form, for a
# repository without an organisation, uses gh's login: a token that can administer the repository, its master key.
set -euo pipefail
umask 0077
die() {
    printf 'keep-registered: %s\n' "$1" >&2
    exit 2
}
usage='wanted: ORGANISATION GROUP-ID SSH-HOST [--once], or OWNER/REPOSITORY SSH-HOST [--once]'
[ $# -ge 2 ] || die "$usage"
if [[ $1 =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]]; then
    # runner_group_id 1 is the default group of a repository's runners.
    runners=repos/$1/actions/runners group=1 app=
else
    [[ $1 =~ ^[A-Za-z0-9-]+$ && $2 =~ ^[1-9][0-9]{0,9}$ ]] || die "$usage"
    [[ ${REXRANK_APP_ID-} =~ ^[0-9]+$ && ${REXRANK_INSTALLATION_ID-} =~ ^[0-9]+$ && -f ${REXRANK_APP_KEY-} ]] ||
        die 'set REXRANK_APP_ID, REXRANK_INSTALLATION_ID and REXRANK_APP_KEY to the App, its installation and its key file.'
    runners=orgs/$1/actions/runners group=$2 app=yes
    shift
fi
host=${2-}
[[ $host =~ ^[A-Za-z0-9][A-Za-z0-9.@_-]*$ ]] || die "$usage"

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# app_token: a token of the App for this installation. The App authenticates with a signed text valid for nine minutes,
# which reaches curl through a file descriptor and never appears in an argument.
app_token() {
    local now text signed
    now=$(date +%s)
    text=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url).$(printf '{"iat":%s,"exp":%s,"iss":"%s"}' "$((now - 60))" "$((now + 480))" "$REXRANK_APP_ID" | base64url)
    signed=$text.$(printf '%s' "$text" | openssl dgst -sha256 -sign "$REXRANK_APP_KEY" -binary | base64url)
    curl -fsS --config <(printf 'header = "Authorization: Bearer %s"\n' "$signed") -X POST \
        -H 'Accept: application/vnd.github+json' -d '{"permissions":{"organization_self_hosted_runners":"write"}}' \
        "https://api.github.com/app/installations/$REXRANK_INSTALLATION_ID/access_tokens" |
        sed -n 's/.*"token": *"\([A-Za-z0-9_.-]*\)".*/\1/p'
}
shortest=${REXRANK_PAUSE:-10}
pause=$shortest

while :; do
    status=0
    if [ -n "$app" ]; then
        GH_TOKEN=$(app_token) || status=$?
        export GH_TOKEN
        # Without a token `gh` would use its own login.
        [ -n "$GH_TOKEN" ] || status=2
    fi
    [ "$status" -ne 0 ] || answer=$(gh api -X POST "$runners/generate-jitconfig" \
        -f "name=rexrank-$(date -u +%Y%m%dT%H%M%SZ)-$RANDOM" -F "runner_group_id=$group" \
        -f 'labels[]=self-hosted' -f 'labels[]=gpu' -f 'labels[]=rexrank-scoring' -f work_folder=_work \
        --jq '"\(.runner.id) \(.encoded_jit_config)"') || status=$?
    if [ "$status" -eq 0 ]; then
        ssh -o BatchMode=yes -o ServerAliveInterval=60 "$host" \
            sudo -n /opt/rexrank/bin/run-one-job.sh <<<"${answer#* }" || status=$?
        # A runner that ran its job is gone; one that never came up would stay in GitHub's list for a day.
        gh api -X DELETE "$runners/${answer%% *}" >/dev/null 2>&1 || true
    fi
    unset answer
    if [ "$status" -eq 0 ]; then
        pause=$shortest
    else
        printf 'keep-registered: ended with status %s, retrying in %s s\n' "$status" "$pause" >&2
    fi
    [ "${3-}" != --once ] || exit "$status"
    sleep "$pause"
    # Each try registers a runner: one that keeps failing must not fill GitHub's list.
    [ "$status" -eq 0 ] || pause=$((pause * 2 < 600 ? pause * 2 : 600))
done
