#include <string_view>

#include <gtest/gtest.h>

#include "tests/realrun/engine/far_nodes.hpp"

/// libfabric 1.17 loses a few hundred bytes at each look around and each closed endpoint of `net`.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name for it
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfabric.so";
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--far-node") {
    return calvo::realrun::testing::be_far_node();
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
