# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # job, timeout, memory, here are run's
# How each kernel is found and booted. A boot_ function uses run's variables, puts the command's
# output on standard output, the kernel's messages into $job/console, and guest/command's archive into
# $job/result.

# why_not KERNEL INIT: prints why such a guest cannot boot here and fails, or succeeds.
why_not() {
    local program
    [ "$(uname -m)" = x86_64 ] || { echo "not on this machine: $1 is set up for x86_64 alone"; return 1; }
    for program in $("programs_$1") $([ "$2" = plain ] || echo systemd-run dbus-daemon) busybox; do
        command -v "$program" >/dev/null || { echo "not on this machine: no program $program"; return 1; }
    done
    "trial_$1" || return 1
}

# shellcheck disable=SC2016 # expanded by the shell that runs it
read_only='
job=$1
shift
mount --bind "$job" "$job" || exit 125
cut -d" " -f5 /proc/self/mountinfo | grep -vxF "$job" | while read -r at; do
    mount -o remount,bind,ro "$(printf %b "$at")" 2>/dev/null
done
mount -t tmpfs tmpfs /dev/shm # Where User Mode Linux keeps its memory.
ulimit -c 0
"$@" # Not as process 1: that one cannot abort.
exit'

# shut_in COMMAND…: in namespaces of its own where everything that is mounted is read-only but
# $job, and where all that it started ends with it. No guest can reach further than its host program.
shut_in() {
    timeout --foreground --signal KILL --kill-after 2 "$timeout" \
        unshare --mount --pid --fork --kill-child --mount-proc \
        --propagation private sh -c "$read_only" sh "$job" "$@"
}

# What the kernel, and systemd through it, is told of versions of cgroups.
cgroup_arguments() {
    case $cgroups in
        v2) echo cgroup_no_v1=all ;;
        hybrid) echo systemd.unified_cgroup_hierarchy=0 ;;
        v1) echo systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 ;;
    esac
}

# --- User Mode Linux -------------------------------------------------------------------------

programs_uml() { echo linux.uml; }

# One processor: the kernel and its processes take turns, and would wait for each other's.
uml() {
    local preload=''
    # This kernel does not know how large the registers are with AMX.
    ! grep -qw amx_tile /proc/cpuinfo || preload=$(registers_library) || return
    # A disk, for what throttles one.
    truncate -s 16M "$job/disk"
    shut_in taskset -c "$(any_processor)" ${preload:+env "LD_PRELOAD=$preload"} \
        linux.uml "mem=${memory}M" uml_dir="$job/" umid=guest noreboot ubd0="$job/disk" \
        root=/dev/root rootfstype=hostfs rootflags=/ ro \
        con=null con0=null,fd:1 con1=null,fd:3 con2=null,fd:4 ssl=null console=tty2 \
        quiet panic=-1 $(cgroup_arguments) "$@" \
        </dev/null 2>>"$job/console" 3>"$job/result" 4>>"$job/console"
}

boot_uml() {
    # Through a pipe: it sets its outputs to not block, which must not happen to the caller's.
    uml init="$here/guest/init" VM_JOB="$job" | cat
    return "${PIPESTATUS[0]}"
}

trial_uml() {
    local timeout=20
    # The kernel panics at the end of its process 1, which is then expected.
    uml init="$(command -v busybox)" -- echo booted >/dev/null 2>&1 || true
    grep -q booted "$job/console" && return
    echo 'not on this machine: User Mode Linux does not boot'
    tail -n 5 "$job/console"
    return 1
}

# Prints the path of umlregisters.c as a library.
registers_library() {
    cc -O1 -shared -fPIC -o "$job/registers.so" "$here/umlregisters.c" -ldl >&2 && echo "$job/registers.so"
}

any_processor() {
    sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status | tr , '\n' | while IFS=- read -r from to; do
        seq "$from" "${to:-$from}"
    done | shuf -n 1
}

# --- QEMU --------------------------------------------------------------------------------------

programs_qemu() { echo qemu-system-x86_64 apt-get dpkg-deb; }

virtiofsd() {
    local program
    for program in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
        [ -x $program ] && echo $program && return
    done
    echo 'not on this machine: no program virtiofsd'
    return 1
}

# Prints the directory of Debian's smallest kernel, its package unpacked; loaded once and kept.
# Installing the package would change what the host itself boots.
linux_image() {
    local package kept version
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }')
    kept=$(find "$repository/.build/vm" -maxdepth 1 -name "${package:-linux-image-*}" 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$kept" ]; then
        kept=$repository/.build/vm/$package
        mkdir "$job/package"
        # From the package's own directory: apt-get saves to the working directory.
        if [ -z "$package" ] || ! (cd "$job/package" && apt-get -qq download "$package") >>"$job/console" 2>&1; then
            echo 'not on this machine: apt-get cannot load linux-image-cloud-amd64'
            return 1
        fi
        dpkg-deb -x "$job"/package/*.deb "$job/package/files"
        mkdir -p "$repository/.build/vm"
        rm -rf "$kept.new"
        mv "$job/package/files" "$kept.new"
        # Another run may have been quicker.
        mv -T "$kept.new" "$kept" 2>/dev/null || true
    fi
    # What an installation would do: which module has what the kernel asks for by another name.
    version=$(basename "$kept"/lib/modules/*)
    [ -e "$kept/lib/modules/$version/modules.dep" ] || busybox depmod -b "$kept" "$version" >>"$job/console" 2>&1
    echo "$kept"
}

# first_files KERNEL: the archive that the kernel starts from: modules to reach the host's files.
first_files() {
    local directory=$job/first module number=10
    mkdir -p "$directory"/{bin,modules,root}
    cp "$(command -v busybox)" "$directory/bin/busybox"
    for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console fuse virtiofs; do
        find "$1/lib/modules" -name "$module.ko" -exec cp {} "$directory/modules/$number-$module.ko" \;
        number=$((number + 1))
    done
    cp "$here/guest/first" "$directory/init"
    (cd "$directory" && find . | busybox cpio -o -H newc) >"$job/first.cpio" 2>/dev/null
}

# The host's files come from virtiofsd, which is ready as soon as its socket is there.
# shellcheck disable=SC2016 # expanded by the shell that runs it
files_then_guest='
mount -t tmpfs tmpfs /run # For its lock.
"$1" --socket-path="$2/files" -o source=/ -o sandbox=chroot -o cache=always -o log_level=err &
until [ -S "$2/files" ]; do kill -0 $! || exit; sleep 0.02; done
shift 2
exec "$@"'

# qemu KERNEL-ARGUMENT…
qemu() {
    local files image version
    files=$(virtiofsd) || { echo "$files"; return 1; }
    image=$(linux_image) || { echo "$image"; return 1; }
    version=$(basename "$image"/lib/modules/*)
    first_files "$image"
    shut_in sh -c "$files_then_guest" sh "$files" "$job" \
        qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
        -machine pc,usb=off,memory-backend=memory -accel tcg,thread=multi -cpu Nehalem,+rdrand -smp 2 \
        -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -m "$memory" \
        -kernel "$image/boot/vmlinuz-$version" -initrd "$job/first.cpio" \
        -append "console=ttyS0 quiet panic=-1 $(cgroup_arguments) mitigations=off tsc=reliable $* VM_MODULES=$image/lib/modules" \
        -serial "file:$job/console" \
        -chardev "socket,id=files,path=$job/files" -device vhost-user-fs-pci,chardev=files,tag=host \
        -device virtio-serial-pci \
        -chardev file,id=log,path=/dev/fd/3,append=on -device virtserialport,chardev=log,name=log,nr=1 \
        -chardev "file,id=result,path=$job/result" -device virtserialport,chardev=result,name=result,nr=2 \
        </dev/null 3>&1 >>"$job/program" 2>&1
}

boot_qemu() {
    local code
    # Through a pipe: it opens its outputs anew, and would write over what is in a file.
    qemu VM_INIT="$here/guest/init" VM_JOB="$job" | cat
    code=${PIPESTATUS[0]}
    cat "$job/program" >>"$job/console"
    return "$code"
}

trial_qemu() {
    local timeout=90 output
    output=$(qemu VM_INIT=/bin/busybox 2>&1) || true
    grep -q 'Kernel panic' "$job/console" && return
    echo "${output:-not on this machine: a kernel does not boot under QEMU}"
    tail -n 5 "$job/program" "$job/console"
    return 1
}
