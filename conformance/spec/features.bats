#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# features.md, features-linux.md.

load ../helpers

features() {
    rt features
    [ "$status" -eq 0 ] || is_martlet || skip 'this runtime has no features command'
    ok
    jq -e . <<<"$output" >"$T/features.json"
}

feature() { jq -c "$1" "$T/features.json"; }

@test "features.md: is one JSON object with ociVersionMin and ociVersionMax" {
    features
    equal "$(feature '[.ociVersionMin, .ociVersionMax] | map(test("^[0-9]+\\.[0-9]+\\.[0-9]+"))')" '[true,true]'
}

# runc 1.1.5 precedes the symfollow words and defaults.
@test "features.md#mount-options: lists every option that MUST be implemented" {
    features
    equal "$(feature '["async","atime","bind","defaults","dev","diratime","dirsync","exec","iversion","lazytime",
        "loud","noatime","nodev","nodiratime","noexec","noiversion","nolazytime","norelatime","nostrictatime",
        "nosuid","private","rbind","relatime","remount","ro","rprivate","rshared","rslave","runbindable","rw",
        "shared","silent","slave","strictatime","suid","sync","unbindable"] - .mountOptions')" '[]'
}

@test "features-linux.md#namespaces: lists those that are supported" {
    features
    equal "$(feature '["cgroup","ipc","mount","network","pid","user","uts"] - .linux.namespaces')" '[]'
}

@test "features-linux.md#namespaces: lists time" {
    features
    equal "$(feature '.linux.namespaces | contains(["time"])')" true
}

@test "features-linux.md#capabilities: lists the kernel's" {
    features
    equal "$(feature '["CAP_CHOWN","CAP_SYS_ADMIN","CAP_CHECKPOINT_RESTORE"] - .linux.capabilities')" '[]'
}
