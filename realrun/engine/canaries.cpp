#include "realrun/engine/canaries.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/contract.hpp"

namespace calvo::realrun {

Canaries::Canaries(std::span<std::byte> memory, std::int64_t stride, std::int64_t used)
    : memory_(memory), stride_(stride), used_(used) {
  CALVO_EXPECT(stride >= used + gap);
  const auto slots = static_cast<std::int32_t>(static_cast<std::int64_t>(memory.size()) / stride);
  for (std::int32_t slot = 0; slot < slots; ++slot) {
    std::fill(at(slot) + used_, at(slot) + stride_, color(slot));
  }
}

void Canaries::paint(std::int32_t slot) {
  std::fill(at(slot), at(slot) + used_, color(slot));
}

void Canaries::check(std::int32_t slot, std::int64_t from, std::int64_t to,
                     const char* what) const {
  const std::byte* end = at(slot) + to;
  const std::byte* changed = std::find_if(static_cast<const std::byte*>(at(slot)) + from, end,
                                          [&](std::byte b) { return b != color(slot); });
  if (changed == end) return;
  const std::string where = std::string(what) + " " + std::to_string(slot) + " was written, byte " +
                            std::to_string(changed - at(slot)) + " of it";
  contract_broken("canary", where.c_str(), __FILE__, __LINE__);
}

void Canaries::check_free(std::int32_t slot) const {
  check(slot, 0, used_, "free host slot");
  check_gap(slot);
}

void Canaries::check_gap(std::int32_t slot) const {
  check(slot, used_, stride_, "the gap behind host slot");
}

void Canaries::check_all_gaps() const {
  const auto slots = static_cast<std::int32_t>(static_cast<std::int64_t>(memory_.size()) / stride_);
  for (std::int32_t slot = 0; slot < slots; ++slot) check_gap(slot);
}

}  // namespace calvo::realrun
