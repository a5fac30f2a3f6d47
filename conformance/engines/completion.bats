#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What shells make of the scripts that `completion` prints.

load ../helpers
load ../helpers/completion

also_setup() { only_martlet; }

@test "completion: of no shell, or another, is an error" {
    rt completion
    refused
    rt completion tcsh
    refused
    has "$errors" fish
}

@test "completion: bash: commands, flags, their values" {
    script_for bash
    in_bash martlet cre
    equal "$output" create
    in_bash martlet --root /x --debug upd
    equal "$output" update
    in_bash martlet --log-f
    equal "$output" --log-format
    in_bash martlet --log-format j
    equal "$output" json
    in_bash martlet --log-format = t
    equal "$output" text
    in_bash martlet exec --no-n
    equal "$output" --no-new-privs
    in_bash martlet list -f ta
    equal "$output" table
    in_bash martlet kill web US
    equal "$output" $'USR1\nUSR2'
    in_bash martlet completion z
    equal "$output" zsh
    in_bash martlet help fea
    equal "$output" features
    # What belongs to another command, or to a program in the container, is not ours.
    in_bash martlet start --no-n
    equal "$output" ''
    in_bash martlet --no-n
    equal "$output" ''
}

@test "completion: bash: files and directories" {
    script_for bash
    mkdir "$T/bundle-dir"
    touch "$T/bundle-file"
    in_bash martlet create --bundle "$T/bundle-"
    equal "$output" "$T/bundle-dir"
    in_bash martlet exec --process "$T/bundle-f"
    equal "$output" "$T/bundle-file"
    in_bash martlet exec web true /etc/pass
    equal "$output" ''
}

@test "completion: bash: ids, of the state directory that was named" {
    script_for bash
    create
    ok
    in_bash martlet --root "$ROOT" start "${ID:0:6}"
    equal "$output" "$ID"
    in_bash martlet --root = "$ROOT" kill "${ID:0:6}"
    equal "$output" "$ID"
    in_bash martlet --root "$T" start "${ID:0:6}"
    equal "$output" ''
}

@test "completion: fish: commands, flags, values, ids" {
    script_for fish
    in_fish 'martlet cre'
    equal "$output" create
    in_fish 'martlet --root /x --debug upd'
    equal "$output" update
    in_fish 'martlet --log-format j'
    equal "$output" json
    in_fish 'martlet exec --no-n'
    equal "$output" --no-new-privs
    in_fish 'martlet kill web US'
    equal "$(sort <<<"$output")" $'USR1\nUSR2'
    in_fish 'martlet completion z'
    equal "$output" zsh
    in_fish 'martlet start --no-n'
    equal "$output" ''
    create
    ok
    in_fish "martlet --root $ROOT start ${ID:0:6}"
    equal "$output" "$ID"
    in_fish "martlet --root $ROOT kill --all ${ID:0:6}"
    equal "$output" "$ID"
}

@test "completion: zsh: commands and flags, by running what they became" {
    command -v zsh >/dev/null || not_here 'zsh is not installed'
    script_for zsh
    zsh -n "$T/_martlet"
    # shellcheck disable=SC2016
    printf 'fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; PS1=\n' "$T" >"$T/.zshrc"
    in_zsh 'martlet fea'
    has "$output" ociVersionMin
    in_zsh 'martlet help exe'
    has "$output" --ignore-paused
    in_zsh 'martlet --vers'
    has "$output" 'martlet version'
    create
    ok
    in_zsh "martlet --root $ROOT list --qui"
    has "$output" $'\n'"$ID"
    in_zsh "martlet --root $ROOT state ${ID:0:6}"
    has "$output" '"status": "created"'
}

@test "completion: every command and flag is in every script" {
    local shell word words
    words=$(rt --help; grep -oE -- '^ +(-[a-z], +)?--[a-z-]+|^  [a-z]+' <<<"$output" | grep -oE -- '(--)?[a-z][a-z-]*$' | sort -u)
    [ "$(wc -l <<<"$words")" -gt 25 ]
    for shell in bash zsh fish; do
        script_for "$shell"
        for word in $words; do
            # fish has flags without their dashes.
            [ "$shell" != fish ] || word=${word#--}
            grep -qF -- "$word" "$T/_martlet" || say "$shell has no $word"
        done
    done
}
