#pragma once

#include <vector>

#include "tests/fuzz/targets.hpp"

namespace calvo::realrun::fuzz {

std::vector<Target> message_targets();

}  // namespace calvo::realrun::fuzz
