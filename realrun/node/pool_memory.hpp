#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace calvo::realrun {

/// Memory of a pool: mapped, private, zero, aligned to a page.
class PoolMemory {
public:
  /// Throws InputError where the machine has not so much, or has no huge pages to give; `who`
  /// stands in front of the message.
  PoolMemory(std::uint64_t bytes, bool huge_pages, const std::string& who);
  ~PoolMemory();
  PoolMemory(const PoolMemory&) = delete;
  PoolMemory& operator=(const PoolMemory&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }

private:
  std::span<std::byte> bytes_;
};

}  // namespace calvo::realrun
