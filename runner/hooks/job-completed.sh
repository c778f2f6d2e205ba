#!/bin/bash
# Runs after every job on the scoring runner (ACTIONS_RUNNER_HOOK_JOB_COMPLETED), including refused ones: empties the
# workspace and the job's temporary folder. The runner itself is unpacked again for the next job (run-one-job.sh); this
# removes what would otherwise stay until then.
set -u
PATH=/usr/bin:/bin
export PATH

# Empties a folder inside the runner's work folder, except for the runner's own files of this step.
empty() {
    local folder work
    [ -n "${1-}" ] && [ -d "$1" ] || return 0
    folder=$(readlink -f -- "$1")
    work=$(readlink -f -- "$2")
    case "$folder" in
    "$work"/?*) ;;
    *)
        echo '::warning::The folder is not inside the work folder of the runner; it is left unchanged.'
        return 0
        ;;
    esac
    find "$folder" -mindepth 1 -maxdepth 1 ! -name '_runner_file_commands' ! -name '_github_workflow' \
        -exec rm -rf --one-file-system -- {} +
}

# RUNNER_TEMP is <work>/_temp.
if [ -z "${RUNNER_TEMP-}" ] || [ ! -d "$RUNNER_TEMP" ]; then
    echo '::warning::RUNNER_TEMP is not set; nothing is cleaned up.'
    exit 0
fi
work=$(dirname -- "$(readlink -f -- "$RUNNER_TEMP")")
empty "${GITHUB_WORKSPACE-}" "$work"
empty "$RUNNER_TEMP" "$work"
echo 'The workspace is empty.'
