#!/usr/bin/env bash
# gpu_pack.sh: gathers into build/gpu-carry what calvo is built from and a machine with a CUDA toolkit
# alone does not have: Debian 12's libraries with their headers, as packages (about 52 MiB). What
# every machine with a compiler has (its own C and C++ libraries) stays behind. Needs Debian and apt;
# takes what is in apt's cache already, the rest from where apt takes it.
# tools/gpu-check unpacks it: take the sources with build/gpu-carry to the machine and start it there.
set -euo pipefail
cd "$(dirname "$0")/.."
carry=build/gpu-carry

mapfile -t wanted < <(sed -n '/^packages=(/,/^)/p' tools/install_packages.sh | tr -s ' \n' '\n\n' |
  grep -E '^(lib|zlib|nlohmann|prometheus|pkg-config)' | grep -v openmpi)  # which is optional
tools/install_packages.sh >/dev/null

# Compilers with their run time, interpreters, and what every system has.
left='^(g?cc|cpp|g\+\+|binutils|libc6|libc-|libcrypt|libgcc|libstdc\+\+|linux-|libasan|libtsan|libubsan'
left+='|liblsan|libitm|libgomp|libcc1|libctf|libgprofng|libicu|icu-|libpython|libperl|perl|python|dpkg'
left+='|debconf|cdebconf|passwd|libpam|adduser|login|libnsl|libtirpc|coreutils|tar$|sed$)'
depends=(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks
         --no-replaces --no-enhances)
mapfile -t packages < <("${depends[@]}" "${wanted[@]}" | grep -E '^[a-z0-9]' | sort -u |
  grep -vE "$left")

rm -rf "$carry"
mkdir -p "$carry/debs"
(cd "$carry/debs" && apt-get -qq download "${packages[@]}")
# With the hash of the sources, so that the name is not given to others.
{ git rev-parse --short=12 HEAD; tools/gpu-check --source-hash; } >"$carry/commit"
du -sh "$carry" | sed 's/\t/  /'
