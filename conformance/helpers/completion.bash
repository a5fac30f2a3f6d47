# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # helpers.bash has set them
# What shells make of the scripts that `completion` prints.

# script_for SHELL: what it reads, with a martlet in PATH.
script_for() {
    mkdir -p "$T/bin"
    ln -sf "$RUNTIME" "$T/bin/martlet"
    rt completion "$1"
    ok
    printf '%s\n' "$output" >"$T/_martlet"
}

# in_bash WORD…: what the last word can become.
in_bash() {
    # shellcheck disable=SC2016
    call "$T/out" "$T/err" env PATH="$T/bin:$PATH" bash -c '
        source "$0"
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _martlet
        printf "%s\n" "${COMPREPLY[@]}"' "$T/_martlet" "$@"
    ok
    equal "$errors" ''
}

# in_fish TEXT: what the last word can become.
in_fish() {
    command -v fish >/dev/null || not_here 'fish is not installed'
    # shellcheck disable=SC2016
    call "$T/out" "$T/err" env PATH="$T/bin:$PATH" HOME="$T" fish --no-config -c \
        'source $argv[1]; complete -C $argv[2]' "$T/_martlet" "$1"
    ok
    equal "$errors" ''
    output=$(cut -f 1 <<<"$output")
}

# in_zsh TEXT: types it, a tab and an end of line, so that the command is run.
in_zsh() {
    call "$T/out" "$T/err" env PATH="$T/bin:$PATH" HOME="$T" ZDOTDIR="$T" "$(helper in-terminal.py)" \
        --size 40x200 --input "$1"$'\t\nexit\n' zsh --no-globalrcs -i
}
