#include "realrun/devices/mapped_memory.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "realrun/devices/numa.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t touch_share = std::size_t{256} << 20;  // bytes that pay for a thread

/// Makes every page real, by a few threads where that is much.
void touch(std::span<std::byte> bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto touch_part = [page](std::span<std::byte> part) {
    for (std::size_t i = 0; i < part.size(); i += page) {
      static_cast<volatile std::byte&>(part[i]) = std::byte{0};
    }
  };
  const std::size_t threads =
      std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()),
                            std::max<std::size_t>(1, bytes.size() / touch_share));
  const std::size_t share = (bytes.size() / threads + page - 1) / page * page;
  std::vector<std::jthread> helpers;
  for (std::size_t from = share; from < bytes.size(); from += share) {
    helpers.emplace_back(touch_part, bytes.subspan(from, std::min(share, bytes.size() - from)));
  }
  touch_part(bytes.first(std::min(share, bytes.size())));
}

bool lies_on(std::span<const std::byte> bytes, int node) {
  return std::ranges::all_of(std::array{std::size_t{0}, bytes.size() / 2, bytes.size() - 1},
                             [&](std::size_t at) { return numa_node_at(&bytes[at]) == node; });
}

}  // namespace

MappedMemory::MappedMemory(std::int64_t bytes, Pin pin, std::string_view what,
                           std::optional<int> numa_node) {
  CALVO_EXPECT(bytes >= 0);
  if (bytes == 0) return;
  const auto size = static_cast<std::size_t>(bytes);
  const auto too_much = [&] {
    return InputError({"device", 0, 0}, std::string(what),
                      fmt::format("the system does not give {:.1f} MiB; ask for less",
                                  static_cast<double>(bytes) / (1 << 20)));
  };
  const auto there =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (static_cast<double>(bytes) > there) throw too_much();  // a promise that touching would break
  void* start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw too_much();
  bytes_ = {static_cast<std::byte*>(start), size};
  madvise(start, size, MADV_HUGEPAGE);  // quicker copies where there are some; else nothing
  const bool asked = numa_node && prefer_numa_node(bytes_, *numa_node);
  touch(bytes_);
  if (asked && lies_on(bytes_, *numa_node)) numa_node_ = numa_node;
  pinned_ = pin == Pin::if_allowed && mlock(start, size) == 0;
}

MappedMemory::~MappedMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

}  // namespace calvo::realrun
