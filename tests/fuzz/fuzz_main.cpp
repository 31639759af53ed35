// For libFuzzer. $CALVO_FUZZ_TARGET names the target. With $CALVO_FUZZ_SEEDS=FOLDER it writes the
// target's seeds there and ends; without a target it prints the names of all.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/fuzz/targets.hpp"

namespace {

using calvo::realrun::fuzz::Target;

const Target* chosen = nullptr;

void write_seeds(const Target& target, const std::string& folder) {
  int number = 0;
  for (const auto& seed : target.seeds()) {
    std::ofstream file(folder + "/seed" + std::to_string(number++), std::ios::binary);
    for (const std::byte b : seed) file.put(static_cast<char>(b));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("CALVO_FUZZ_TARGET");
  if (name == nullptr) {
    for (const Target& target : calvo::realrun::fuzz::targets()) {
      std::printf("%.*s\n", static_cast<int>(target.name.size()), target.name.data());
    }
    std::exit(0);
  }
  chosen = calvo::realrun::fuzz::find_target(name);
  if (chosen == nullptr) {
    std::fprintf(stderr, "no target \"%s\"\n", name);
    std::exit(2);
  }
  if (const char* const folder = std::getenv("CALVO_FUZZ_SEEDS")) {
    write_seeds(*chosen, folder);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run(std::as_bytes(std::span(data, size)));
  return 0;
}
