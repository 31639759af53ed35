# QEMU without KVM and Debian's own kernel, unpacked, not installed. Sourced by tests/rdma-vm.

guest_modules=(
  virtio_pci virtio_console 9p 9pnet_virtio overlay veth dummy
  ib_uverbs rdma_ucm rdma_rxe ib_umad
  crc32_generic  # rxe asks the crypto layer for it by name
  sch_tbf sch_htb sch_netem
)

prepare_qemu() {
  install_packages qemu-system-x86 seabios busybox-static cpio kmod xz-utils file binutils iproute2
  local wanted
  wanted=$(cat "$parts/init_qemu" "$parts/qemu.sh" | sha256sum)
  if [ -s "$cache/vmlinux" ] && [ "$(cat "$cache/initrd.of" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi

  local work package deb version
  work=$(mktemp -d "$cache/prepare.XXXXXX")
  trap "rm -rf '$work'" EXIT
  package=$(first_dependency linux-image-amd64)
  if [ -z "$package" ]; then
    refresh_package_lists
    package=$(first_dependency linux-image-amd64)
  fi
  [ -n "$package" ] || { say "there is no package linux-image-amd64"; return 1; }
  say "preparing $package"
  deb=$(download "$work" "$package")
  dpkg-deb --fsys-tarfile "$deb" | tar x -C "$work" ./boot ./lib/modules/
  version=$(ls "$work/lib/modules")
  unpack_kernel "$work/boot/vmlinuz-$version" "$work/vmlinux"
  make_initrd "$work" "$version"
  mv "$work/vmlinux" "$work/initrd" "$cache/"
  echo "$wanted" >"$cache/initrd.of"
}

# The bare ELF inside the compressed image: unpacking it in the emulator would cost seconds.
unpack_kernel() {  # IMAGE OUTPUT
  local offset
  offset=$(grep -abo $'\xfd7zXZ' "$1" | head -n 1 | cut -d: -f1 || true)
  if [ -n "$offset" ]; then
    # xz complains of what follows the kernel in the image
    tail -c +$((offset + 1)) "$1" | xz -dc --single-stream >"$2" 2>/dev/null || true
  fi
  file -b "$2" 2>/dev/null | grep -q ELF || cp "$1" "$2"
}

make_initrd() {  # WORK VERSION: writes WORK/initrd
  local root=$1/root module
  mkdir -p "$root/bin" "$root/modules"
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$parts/init_qemu" "$root/init"
  chmod +x "$root/init"
  depmod -b "$1" "$2"
  for module in "${guest_modules[@]}"; do
    modprobe -d "$1" -S "$2" --show-depends "$module"
  done | awk '/^insmod/ && !seen[$2]++ {print $2}' >"$1/order"
  while read -r module; do
    strip --strip-debug "$module" -o "$root/modules/$(basename "$module")"
    basename "$module"
  done <"$1/order" >"$root/modules/order"
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$1/initrd"
}

share_qemu() {  # DIRECTORY: prints what the guest does to see it
  printf 'mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none writable %q || exit 71\n' "$1"
}

boot_qemu() {
  local shares=() name
  share() {  # NAME PATH OPTIONS
    shares+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap$3"
             -device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
  }
  share hostroot / ,readonly=on
  share job "$job" ''
  if [ -n "$writable" ]; then share writable "$writable" ''; fi
  local kernel_options=(
    console=ttyS0 panic=-1 quiet mitigations=off nokaslr random.trust_cpu=on audit=0
    rcupdate.rcu_expedited=1
  )
  exec timeout -k 5 "$limit" qemu-system-x86_64 \
    -M q35,usb=off -cpu max -accel tcg,thread=multi,tb-size=256 -smp 2 -m "$memory" \
    -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$cache/vmlinux" -initrd "$cache/initrd" -append "${kernel_options[*]}" \
    -serial "file:$job/console" -device virtio-serial-pci \
    -chardev "file,id=output,path=$job/output" \
    -device virtserialport,chardev=output,name=output \
    "${shares[@]}" </dev/null
}
