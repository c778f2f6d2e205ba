#!/bin/bash
# Runs before every job on the scoring runner (ACTIONS_RUNNER_HOOK_JOB_STARTED). Only three workflows of one
# repository, as they are on main, are let through; a refusal kills the worker process, and the job with it.
#
# The repository is read from <prefix>/etc/runner.conf, which has the same owner as this file (root). Only variables
# set by GitHub are read from the environment, and none is printed: a branch name is a stranger's text, and standard
# output is a command channel.
set -u
PATH=/usr/bin:/bin
export PATH

# A nonzero exit status is not enough: the runner would still run the steps whose `if:` is always() or failure()
# (actions/runner issue 2811), and those are the stranger's. Once the worker is killed, nothing can run them; the
# listener reports the job as failed and exits, because it is registered for one job only.
stop_worker() {
    local pid=$PPID name
    while [ "$pid" -gt 1 ]; do
        name=$(cat "/proc/$pid/comm") || break
        [ "$name" != Runner.Worker ] || break
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status") || break
    done
    if [ "${name-}" != Runner.Worker ]; then
        # No such process, but a runner started this: kill whatever waits for the status.
        [ -n "${ACTIONS_RUNNER_HOOK_JOB_STARTED-}" ] || return 0
        pid=$PPID
    fi
    # Allow time to send the message just printed.
    sleep 3
    kill -KILL "$pid"
}

refuse() {
    printf '::error title=Refused by the scoring runner::%s\n' "$1"
    stop_worker
    exit 1
}

here=$(readlink -f -- "${BASH_SOURCE[0]}") || refuse 'The hook cannot find its own path.'
conf=$(dirname -- "$(dirname -- "$here")")/etc/runner.conf
[ -f "$conf" ] && [ ! -L "$conf" ] || refuse 'There is no etc/runner.conf next to the hooks.'
[ "$(stat -c %u -- "$conf")" = "$(stat -c %u -- "$here")" ] || refuse 'runner.conf and the hook have different owners.'
case "$(stat -c %A -- "$conf")" in
?????w???? | ????????w?) refuse 'runner.conf is writable by others, not only by its owner.' ;;
esac

# JOBS_REPOSITORY is set if jobs and submissions come from different repositories (site/maintainers/two-repositories.md).
repository=$(sed -n 's/^JOBS_REPOSITORY=//p' -- "$conf")
[ -n "$repository" ] || repository=$(sed -n 's/^REPOSITORY=//p' -- "$conf")
[[ $repository =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]] || refuse 'runner.conf must name exactly one repository.'

[ "${GITHUB_REPOSITORY-}" = "$repository" ] || refuse 'The job belongs to another repository.'
[ "${GITHUB_REF-}" = refs/heads/main ] || refuse 'The job is not from the branch main.'
workflows="$repository/.github/workflows"
case "${GITHUB_WORKFLOW_REF-}|${GITHUB_EVENT_NAME-}" in
"$workflows/score.yml@refs/heads/main|workflow_dispatch") ;;
"$workflows/publish.yml@refs/heads/main|schedule") ;;
"$workflows/publish.yml@refs/heads/main|push") ;;
"$workflows/publish.yml@refs/heads/main|workflow_dispatch") ;;
"$workflows/rescore.yml@refs/heads/main|schedule") ;;
"$workflows/rescore.yml@refs/heads/main|workflow_dispatch") ;;
*) refuse 'This runner only takes score (dispatched), publish (pushed, scheduled or dispatched) and rescore (scheduled or dispatched) on main.' ;;
esac
echo 'The scoring runner takes this job.'
