# User-Mode Linux, built from Debian's kernel source: 5 to 15 minutes, once. Sourced by
# tests/rdma-vm.

prepare_uml() {
  install_packages busybox-static iproute2
  if [ -x "$cache/linux-uml" ]; then return 0; fi
  if [ "$only_build" != uml ]; then
    say "User-Mode Linux is not built; tests/rdma-vm -b uml does it"
    return 1
  fi
  install_packages gcc make flex bison bc xz-utils

  local work deb source
  work=$cache/build
  source=$work/linux-source-6.1
  mkdir -p "$work/out"
  if [ ! -s "$source/Makefile" ]; then
    deb=$(download "$work" linux-source-6.1)
    dpkg-deb --fsys-tarfile "$deb" | tar xO --wildcards '*linux-source-6.1.tar.xz' |
      tar xJ -C "$work"
    rm -f "$deb"
  fi
  say "building User-Mode Linux (log: $work/log)"
  {
    sed 's/#.*//' "$parts/uml.config" | tr -s ' ' '\n' | sed '/^$/d; s/.*/CONFIG_&=y/'
    echo 'CONFIG_SLOB=n'
    echo 'CONFIG_UML_PCI_OVER_VIRTIO_DEVICE_ID=1234'  # any; there is no such device
    echo 'CONFIG_CON_CHAN="null"'
    echo 'CONFIG_CON_ZERO_CHAN="fd:0,fd:1"'
  } >"$work/fragment"
  compile() {
    local make=(nice -n 19 make -s ARCH=um "O=$work/out")
    cd "$source"
    "${make[@]}" tinyconfig
    scripts/kconfig/merge_config.sh -m -O "$work/out" "$work/out/.config" "$work/fragment"
    "${make[@]}" olddefconfig
    "${make[@]}" -j"$(nproc)" linux
  }
  (compile) >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; return 1; }
  grep -q '^CONFIG_RDMA_RXE=y' "$work/out/.config" || { say "this kernel cannot have rxe"; return 1; }
  strip -o "$cache/linux-uml.new" "$work/out/linux"
  mv "$cache/linux-uml.new" "$cache/linux-uml"
  rm -rf "$work"
}

share_uml() {  # DIRECTORY: prints what the guest does to see it
  printf 'mount -t hostfs -o %q none %q || exit 71\n' "$1" "$1"
}

boot_uml() {
  # It is one process with one CPU; between host CPUs it would lose half its speed.
  exec timeout -k 5 "$limit" taskset -c "$(($(nproc) - 1))" "$cache/linux-uml" \
    "mem=${memory}M" root=/dev/root rootfstype=hostfs rootflags=/ ro \
    "init=$parts/init_uml" "job=$job" random.trust_cpu=on con=null con0=null,fd:1 con1=null,fd:3 \
    </dev/null 3>"$job/output" >"$job/console" 2>&1
}
