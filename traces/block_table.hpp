#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace calvo::traces {

/// An open-addressing map from the 64-bit hash of a prefix to the id of its last block. Two
/// prefixes are taken to be equal when their hashes are: one wrong pair in 2^64.
class BlockTable {
public:
  /// The value of `key`, which is set to `fresh` if it is new; `is_new` says so.
  std::uint64_t find_or_add(std::uint64_t key, std::uint64_t fresh, bool& is_new) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    Slot& slot = slot_of(key);
    is_new = slot.value == empty;
    if (is_new) {
      slot = {key, fresh};
      ++used_;
    }
    return slot.value;
  }

  /// Forgets everything and keeps the memory.
  void clear();

private:
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = 0;
    std::uint64_t value = empty;
  };

  Slot& slot_of(std::uint64_t key) {
    std::size_t at = key & (slots_.size() - 1);
    while (slots_[at].value != empty && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
  }
  void grow();

  std::vector<Slot> slots_;  ///< a power of two, at most half used
  std::size_t used_ = 0;
};

}  // namespace calvo::traces
