#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the short round has in security/undo.bats and security/exec.bats, at every system call and with
# more errnos. `make stress` runs it.

load ../../helpers
load ../../helpers/interrupts

setup_file() {
    STRESS=whole
    export STRESS
    it_runs
}

@test "create, killed at every system call" { interrupted kill create; }
@test "create, failed at every system call" { interrupted fail create; }
@test "exec, killed at every system call" { interrupted kill exec; }
@test "exec, failed at every system call" { interrupted fail exec; }
