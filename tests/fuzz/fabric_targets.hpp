// What the two sides of a fabric tell each other before the first read, as decoders of bytes.
#pragma once

#include <vector>

#include "tests/fuzz/targets.hpp"

namespace calvo::realrun::fuzz {

std::vector<Target> fabric_targets();

}  // namespace calvo::realrun::fuzz
