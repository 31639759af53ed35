#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace calvo::realrun {

/// Zeroed memory straight from the system, page-aligned, all of it there from the start.
class MappedMemory {
public:
  enum class Pin : std::uint8_t { no, if_allowed };

  /// `what` names it in errors. Throws InputError if the system does not give so much.
  MappedMemory(std::int64_t bytes, Pin pin, std::string_view what);
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  /// Whether the system keeps it from being paged out (ulimit -l).
  bool pinned() const { return pinned_; }

private:
  std::span<std::byte> bytes_;
  bool pinned_ = false;
};

}  // namespace calvo::realrun
