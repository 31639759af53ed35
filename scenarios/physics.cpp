#include "scenarios/physics.hpp"

#include <fmt/format.h>

namespace calvo::scenarios {

std::string unphysical(const std::string& text, BytesPerSecond rate, const PhysicalLimit& limit) {
  return fmt::format(
      "\"{}\" is {:.3g} times what {} can carry (at most {}); correct the rate or its unit, or set "
      "\"allow_unphysical: true\" at the top of the scenario",
      text, rate / limit.rate, limit.what, limit.source);
}

}  // namespace calvo::scenarios
