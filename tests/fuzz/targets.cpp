#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fabric_targets.hpp"
#include "tests/fuzz/handshake_targets.hpp"
#include "tests/fuzz/message_targets.hpp"
#include "tests/fuzz/session_target.hpp"

namespace calvo::realrun::fuzz {

std::span<const Target> targets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> list = message_targets();
    for (const auto& more : {fabric_targets(), handshake_targets(), session_targets()}) {
      list.insert(list.end(), more.begin(), more.end());
    }
    return list;
  }();
  return all;
}

const Target* find_target(std::string_view name) {
  const auto all = targets();
  const auto found = std::ranges::find(all, name, &Target::name);
  return found == all.end() ? nullptr : &*found;
}

void must_hold(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace calvo::realrun::fuzz
