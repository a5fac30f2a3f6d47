#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#linux-process and config-linux.md#mount-label: labels of security modules, on a machine
# that has them switched off; what they do where they are on is not asked here yet.

load ../helpers

without_apparmor() {
    [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || not_here 'AppArmor is on'
}

without_selinux() {
    ! grep -qw selinuxfs /proc/filesystems || not_here 'SELinux is on'
}

@test "config.md#linux-process: apparmorProfile that nothing can apply MUST generate an error, before anything is made" {
    without_apparmor
    edit '.process.apparmorProfile = "acme_secure_profile"'
    create_refused
}

@test "config.md#linux-process: selinuxLabel that nothing can apply MUST generate an error, before anything is made" {
    without_selinux
    edit '.process.selinuxLabel = "system_u:system_r:svirt_lxc_net_t:s0:c124,c675"'
    create_refused
}

@test "config-linux.md#mount-label: mountLabel that nothing can apply MUST generate an error, before anything is made" {
    without_selinux
    edit '.linux.mountLabel = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811"'
    create_refused
}

# crun 1.8.1 takes an empty label for one.
@test "config.md#linux-process: empty labels are none" {
    edit '.process.apparmorProfile = "" | .process.selinuxLabel = "" | .linux.mountLabel = ""'
    inside 'echo ran'
    ok
    equal "$output" ran
}
