#include "realrun/node/pool_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>

#include "core/input_error.hpp"
#include "core/parse.hpp"

namespace calvo::realrun {
namespace {

constexpr std::uint64_t huge_page = 2 << 20;

/// The number in a file that holds nothing else; nothing if it holds none ("max") or is not there.
std::optional<std::uint64_t> number_in(const char* path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::string size_text(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1ULL << 30U));
}

/// What this process can still have: the machine's available memory, or less if its control group
/// sets a limit.
std::uint64_t available_memory() {
  std::uint64_t available = std::numeric_limits<std::uint64_t>::max();
  std::ifstream file("/proc/meminfo");
  std::string field;
  std::uint64_t kilobytes = 0;
  std::string unit;
  while (file >> field >> kilobytes && std::getline(file, unit)) {
    if (field == "MemAvailable:") available = kilobytes * 1024;
  }
  for (const char* limit :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    available = std::min(available, number_in(limit).value_or(available));
  }
  return available;
}

}  // namespace

PoolMemory::PoolMemory(std::uint64_t bytes, bool huge_pages, const std::string& who) {
  const auto wrong = [&](const std::string& problem) {
    return InputError({who, 0, 0}, "", problem);
  };
  const std::uint64_t unit = huge_pages ? huge_page : 4096;
  if (const std::uint64_t available = available_memory(); bytes > available) {
    throw wrong(fmt::format("the pool takes {} and this machine has {} left; give it less capacity",
                            size_text(bytes), size_text(available)));
  }
  const std::uint64_t size = (bytes + unit - 1) / unit * unit;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (huge_pages ? MAP_HUGETLB : 0);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    if (huge_pages) {
      const std::uint64_t pages = size / huge_page;
      const std::uint64_t there = number_in("/proc/sys/vm/nr_hugepages").value_or(0);
      throw wrong(fmt::format(
          "{} huge pages of 2 MiB are not to be had: {}; as root, run sysctl vm.nr_hugepages={}, "
          "or do without them",
          pages, std::strerror(error), pages + there));
    }
    throw wrong(fmt::format("the system does not give a pool of {}: {}; give it less capacity",
                            size_text(bytes), std::strerror(error)));
  }
  bytes_ = {static_cast<std::byte*>(memory), size};
}

PoolMemory::~PoolMemory() {
  ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace calvo::realrun
