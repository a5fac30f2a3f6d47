#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The pages in man/, and what shells complete, have every command and flag that the program has, and no
# other: both are held against what `help` says.

load ../helpers
load ../helpers/completion

MAN=$(dirname "$CONFORMANCE")/man

also_setup() { only_martlet; }

commands() { rt help; sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output"; }

# flags_of TEXT: those at the beginning of a line of help, one a line.
flags_of() { grep -oE '^ +(-[a-z], )?--[a-z0-9-]+|^ +-[a-z]\b' <<<"$1" | grep -oE -- '--?[a-z][a-z0-9-]*' | sort -u; }

# long_flags [COMMAND]: the long ones in its help.
long_flags() { rt help "$@"; flags_of "$output" | grep -- ^--; }

# fl: of lines of mdoc(7), what the macro Fl makes flags of.
fl() {
    awk '{
        on = 0
        for (i = 1; i <= NF; i++) {
            if ($i == "Fl" || $i == ".Fl") on = 1
            else if ($i ~ /^[A-Z][a-z]$/) on = 0
            else if (on && $i ~ /^[a-z0-9-]+$/) print "-" $i
        }
    }' | sort -u
}

# flags_in PAGE: those that the list in it explains; synopsis_of PAGE: those in its synopsis.
flags_in() { sed -n '/^\.It Fl/p' "$1" | fl; }
synopsis_of() { sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1" | fl; }

# same WHERE EXPECTED GOT
same() { diff <(echo "$2") <(echo "$3") || say "$1 (<: what help has, >: what is there)"; }

@test "manuals: every command has its page, with each of its flags and no other" {
    local command page flags
    [ "$(commands | wc -l)" -gt 15 ]
    for command in $(commands); do
        page=$MAN/martlet-$command.8
        case $command in help | version) continue ;; esac # martlet(8) has them.
        [ -e "$page" ] || say "no page of $command"
        rt help "$command"
        ok
        flags=$(flags_of "$output" | grep -vxE -e '--help|-h' || true)
        same "$page" "$flags" "$(flags_in "$page")"
        # One with many has "flags" there.
        grep -qE '^\.Op (flags|Ar flags)' "$page" || same "$page, synopsis" "$flags" "$(synopsis_of "$page")"
        grep -q "^\.Cm $command\$" "$MAN/martlet.8" || grep -q "^\.It Cm $command" "$MAN/martlet.8" \
            || say "martlet(8) does not name $command"
    done
}

@test "manuals: every page is of a command that there is" {
    local page name
    for page in "$MAN"/martlet-*.8; do
        name=${page##*/martlet-}
        name=${name%.8}
        case $name in shim | shim-*) continue ;; esac
        commands | grep -qx "$name" || say "$page: no such command"
    done
}

@test "manuals: martlet(8) has each global flag and no other" {
    rt help
    same 'martlet(8)' "$(flags_of "$output" | sed '/^--\?h\(elp\)\?$/d')" \
        "$(flags_in "$MAN/martlet.8" | sed '/^--\?h\(elp\)\?$/d')"
}

@test "manuals: commands and flags of martlet-shim" {
    : "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"
    local command page
    call "$T/out" "$T/err" "$SHIM" --help
    for command in $(sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output"); do
        page=$MAN/martlet-shim-$command.8
        [ "$command" != remove ] || continue # The page of list has it.
        [ -e "$page" ] || say "no page of martlet-shim $command"
        call "$T/out" "$T/err" "$SHIM" "$command" --help
        same "$page" "$(flags_of "$output" | grep -- ^-- | grep -vx -- --help)" "$(flags_in "$page" | grep -- ^--)"
    done
}

@test "manuals: bash completes each flag of each command, and no other" {
    script_for bash
    local command
    for command in $(commands); do
        in_bash martlet "$command" --
        same "bash: $command" "$(long_flags "$command")" "$(sort -u <<<"$output")"
    done
    in_bash martlet --
    same bash "$(long_flags)" "$(sort -u <<<"$output")"
    in_bash martlet ''
    same 'bash, commands' "$(commands | sort)" "$(in_bash martlet ''; sort <<<"$output")"
}

@test "manuals: fish completes each flag of each command, and no other" {
    script_for fish
    local command
    for command in $(commands); do
        in_fish "martlet $command --"
        same "fish: $command" "$(long_flags "$command")" "$(sort -u <<<"$output")"
    done
    same 'fish, commands' "$(commands | sort)" "$(in_fish 'martlet '; sort <<<"$output")"
}

@test "manuals: zsh is told of each flag of each command, and no other" {
    script_for zsh
    local command
    for command in $(commands); do
        same "zsh: $command" "$(long_flags "$command")" "$(sed -n "/^            $command)\$/,/;;/p" "$T/_martlet" \
            | sed "s/\[.*//" | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u)"
    done
    same 'zsh, commands' "$(commands | sort)" "$(sed -n "/local -a commands=/,/^ *)/s/^ *'\([a-z]*\):.*/\1/p" "$T/_martlet" | sort)"
}
