# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# CRIU cannot do its work on every kernel: first it has to do it alone, without any runtime.

# What a log of CRIU's says first; that it may not raise its own limit stops it nowhere.
reason() { sed -n 's/.*\(Error (.*\)/\1/p' "$1" | grep -v RLIMIT_NOFILE | head -n 1; }

# For setup_file: whether CRIU itself, here, writes a counting process into images and has it go on.
# If not, CRIU_REFUSES says why.
criu_probe() {
    export CRIU_REFUSES=''
    command -v criu >/dev/null || { CRIU_REFUSES='criu is not installed'; return; }
    # What goes on has the pid that it had, which another process can have got meanwhile.
    for _ in 1 2 3; do
        criu_attempt
        [[ $CRIU_REFUSES == *'File exists' ]] || return 0
    done
}

criu_attempt() {
    CRIU_REFUSES=''
    local images pid
    images=$(mktemp -d /tmp/ocXXXXXXXX)
    mkdir "$images/i"
    # Without any descriptor of bats', which may be of another mount namespace.
    pid=$(python3 -c '
import subprocess, sys
null = subprocess.DEVNULL
print(subprocess.Popen(["sh", "-c", "n=0; while :; do n=$((n + 1)); echo $n >$0; sleep 0.1; done", sys.argv[1]],
                       stdin=null, stdout=null, stderr=null, start_new_session=True).pid)' "$images/n")
    sleep 0.5
    if ! timeout 30 criu dump -t "$pid" -D "$images/i" -o log -v2 --shell-job >/dev/null 2>&1; then
        CRIU_REFUSES="criu alone cannot dump a process: $(reason "$images/i/log")"
    # Its pid is free again once somebody has reaped it, and all of its session.
    elif ! within 10 no_group "$pid" || ! timeout 30 criu restore -d -D "$images/i" -o log2 -v2 --shell-job >/dev/null 2>&1; then
        CRIU_REFUSES="criu alone cannot restore a process: $(reason "$images/i/log2")"
    fi
    kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$images"
}

no_group() { ! kill -0 -- "-$1" 2>/dev/null; }
