#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace calvo::realrun {

/// Zeroed memory straight from the system, page-aligned, all of it there from the start.
class MappedMemory {
public:
  enum class Pin : std::uint8_t { no, if_allowed };

  /// `what` names it in errors. From the memory of `numa_node` as far as that has any. Throws
  /// InputError if the system does not give so much.
  MappedMemory(std::int64_t bytes, Pin pin, std::string_view what,
               std::optional<int> numa_node = {});
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  /// Whether the system keeps it from being paged out (ulimit -l).
  bool pinned() const { return pinned_; }
  /// The node that was asked for, if the system took the wish and its first, middle and last page
  /// lie there.
  std::optional<int> numa_node() const { return numa_node_; }

private:
  std::span<std::byte> bytes_;
  bool pinned_ = false;
  std::optional<int> numa_node_;
};

}  // namespace calvo::realrun
