#include <cstdlib>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "harness.hpp"

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--serve") {
    return calvo::realrun::serve_in_this_process(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
