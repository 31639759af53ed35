// The fuzzers' targets in every build: seeds, and a fixed number of mutations of them.
#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "tests/fuzz/targets.hpp"

namespace calvo::realrun::fuzz {
namespace {

using Input = std::vector<std::byte>;

void mutate(Random& random, Input& bytes, const std::vector<Input>& seeds) {
  const auto place = [&] { return static_cast<std::ptrdiff_t>(random.below(bytes.size() + 1)); };
  switch (random.below(7)) {
    case 0:  // a bit
      if (!bytes.empty()) bytes[random.below(bytes.size())] ^= std::byte{1} << random.below(8);
      break;
    case 1:  // a byte
      if (!bytes.empty()) bytes[random.below(bytes.size())] = static_cast<std::byte>(random.bits());
      break;
    case 2: {  // bytes that are often wrong
      const std::byte extreme[] = {std::byte{0}, std::byte{0xff}, std::byte{0x80}, std::byte{0x7f}};
      const std::byte value = extreme[random.below(4)];
      for (std::size_t i = 0, at = random.below(bytes.size() + 1); i < 4 && at + i < bytes.size();
           ++i)
        bytes[at + i] = value;
      break;
    }
    case 3:
      bytes.resize(random.below(bytes.size() + 1));
      break;
    case 4:
      bytes.insert(bytes.begin() + place(), random.below(20),
                   static_cast<std::byte>(random.bits()));
      break;
    case 5: {
      const auto from = place();
      const auto to = std::max(from, place());
      bytes.erase(bytes.begin() + from, bytes.begin() + to);
      break;
    }
    default: {  // a piece of a seed
      const Input& other = seeds[random.below(seeds.size())];
      const auto from = static_cast<std::ptrdiff_t>(random.below(other.size() + 1));
      bytes.insert(bytes.begin() + place(), other.begin() + from, other.end());
    }
  }
}

class Fuzz : public ::testing::TestWithParam<const Target*> {};

TEST_P(Fuzz, NothingThatIsSentDoesHarm) {
  const Target& target = *GetParam();
  const std::vector<Input> seeds = target.seeds();
  ASSERT_FALSE(seeds.empty());
  for (const Input& seed : seeds) target.run(seed);
  Random random(1);
  constexpr int inputs = 4000;
  for (int i = 0; i < inputs; ++i) {
    Input bytes = seeds[random.below(seeds.size())];
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) mutate(random, bytes, seeds);
    if (bytes.size() < 4096) target.run(bytes);
  }
}

std::vector<const Target*> all_targets() {
  std::vector<const Target*> all;
  for (const Target& target : targets()) all.push_back(&target);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Target, Fuzz, ::testing::ValuesIn(all_targets()),
                         [](const auto& target) { return std::string(target.param->name); });

}  // namespace
}  // namespace calvo::realrun::fuzz
