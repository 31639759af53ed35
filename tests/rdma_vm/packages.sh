# Debian packages of the guests. Sourced by tests/rdma-vm.

install_packages() {  # PACKAGE...
  command -v apt-get >/dev/null || { say "there is no apt-get"; return 1; }
  "$repository/tools/install_packages.sh" "$@" >&2
}

refresh_package_lists() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
  "${as_root[@]}" apt-get update -qq >&2
}

first_dependency() {  # PACKAGE: what a meta package stands for today
  apt-cache depends "$1" 2>/dev/null | awk '/Depends:/ {print $2; exit}'
}

download() {  # DIRECTORY PACKAGE: prints the file's path; lists may be stale or missing
  local log=$1/apt.log
  (cd "$1" && apt-get download -q "$2") >"$log" 2>&1 ||
    { refresh_package_lists && (cd "$1" && apt-get download -q "$2") >"$log" 2>&1; } ||
    { tail -n 3 "$log" >&2; say "cannot download the package $2"; return 1; }
  ls "$1/$2"_*.deb
}
