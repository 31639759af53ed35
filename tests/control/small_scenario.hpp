// Small, cruel workloads: memory for a handful of blocks, prefixes shared in every way, closed-loop
// turns, clients that give up.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/random.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {

struct Cancellation {
  RequestId request{};
  Nanoseconds after{0};  ///< its arrival
};

struct SmallScenario {
  FakeDriver::Setup setup;
  Hardware hardware;
  std::deque<RequestSpec> specs;
  std::vector<std::int32_t> next_turn;  ///< by request: index of the turn after it, -1: none
  std::vector<Nanoseconds> think;       ///< by request: from the end of the one before it
  std::vector<Cancellation> cancels;
  std::vector<BlockRun> stored;
};

/// A function of `seed` and the engine alone.
SmallScenario make_small_scenario(std::uint64_t seed, const EngineConfig& engine);

/// Makes its network fail, as `seed` has it: transfers that hang, bad and missing blocks, nodes
/// that go and come back, refused stores, replicas.
void add_faults(SmallScenario& scenario, std::uint64_t seed);

/// Adds the first turns to `driver`, and each next one as the one before it ends.
void play(SmallScenario& scenario, FakeDriver& driver);

}  // namespace calvo::control::fake
