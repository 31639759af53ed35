#include <cstdlib>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "harness.hpp"

/// libfabric 1.17 loses a few hundred bytes at each look around and each closed endpoint of `net`.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name for it
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfabric.so";
}

int main(int argc, char** argv) {
  if (argc == 6 && std::string_view(argv[1]) == "--serve") {
    const auto number = [](const char* text) { return std::strtoull(text, nullptr, 10); };
    return calvo::realrun::serve_in_this_process(
        {argv[2], number(argv[3]), number(argv[4]), number(argv[5])});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
