#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace calvo::realrun {

/// Bytes that nobody may change: behind each host slot, and all of a slot while it is free. A
/// change is somebody's write where it did not belong. Throws ContractViolation when it finds one.
class Canaries {
public:
  static constexpr std::int64_t gap = 64;  ///< bytes behind each slot

  /// Slots are `stride` bytes apart, the first `used` of each are its own. Paints what lies
  /// between.
  Canaries(std::span<std::byte> memory, std::int64_t stride, std::int64_t used);

  /// The slot is free from now on.
  void paint(std::int32_t slot);
  /// The slot, free until now, and what lies behind it have not been touched.
  void check_free(std::int32_t slot) const;
  void check_gap(std::int32_t slot) const;
  void check_all_gaps() const;

private:
  std::byte* at(std::int32_t slot) const {
    return memory_.data() + static_cast<std::ptrdiff_t>(slot * stride_);
  }
  static std::byte color(std::int32_t slot) {
    return static_cast<std::byte>(0xa5U ^ static_cast<std::uint32_t>(slot));
  }
  void check(std::int32_t slot, std::int64_t from, std::int64_t to, const char* what) const;

  std::span<std::byte> memory_;
  std::int64_t stride_;
  std::int64_t used_;
};

}  // namespace calvo::realrun
