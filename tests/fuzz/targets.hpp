// What a stranger's bytes reach first, each as a function of bytes. libFuzzer runs them in
// fuzz_main.cpp; every build runs them in fuzz_test.cpp, with mutations of its own.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace calvo::realrun::fuzz {

struct Target {
  std::string_view name;
  /// Returns if the bytes were handled as they should be, else aborts.
  void (*run)(std::span<const std::byte> bytes);
  /// Inputs to begin with: valid ones.
  std::vector<std::vector<std::byte>> (*seeds)();
};

std::span<const Target> targets();

/// Null if there is none of that name.
const Target* find_target(std::string_view name);

/// Aborts with a message if the condition does not hold.
void must_hold(bool condition, const char* what);

}  // namespace calvo::realrun::fuzz
