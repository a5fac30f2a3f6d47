# SPDX-License-Identifier: Apache-2.0
# For suites of containers in systemd's scopes.

# What these tests need and is not there.
missing() {
    if [ "$(cat /proc/1/comm)" != systemd ]; then
        echo 'systemd is not process 1'
    elif [ ! -S /run/dbus/system_bus_socket ]; then
        echo 'no system bus'
    fi
}

setup_file() {
    GLOBAL+=(--systemd-cgroup)
    # Where there is none, each test says so.
    [ -n "$(missing)" ] || it_runs
}
