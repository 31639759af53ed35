// Every engine of scenarios/engines/ on three requests whose dates can be worked out by hand, to
// the microsecond. CALVO_REGENERATE=1 writes golden_engines.txt anew; read what changed before you
// commit.
//
// A block is 512 tokens, 64 MiB of Llama-3.1-8B: 10 ms on the network, 5 ms over PCIe. A step with
// prompt tokens takes 20 ms and 20 ms for each 512 of them. All contexts lie in the pool. A request
// is due at twice what it takes alone:
//
//        comes at   context    new tokens     alone                      due    latest start
//   A        0 ms   8 blocks   128 ( 5 ms)    80 + 5 + 25   = 110   ms   220    110
//   B        0 ms   2 blocks   256 (10 ms)    20 + 5 + 30   =  55   ms   110     55
//   C       60 ms   3 blocks   192 (7.5 ms)   30 + 5 + 27.5 =  62.5 ms   185    122.5
//
// So A, B, C by arrival; A, C, B by new tokens; B, C, A by cost and by deadline; B, A, C by slack.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/load.hpp"
#include "sim/simulate.hpp"

namespace calvo::sim {
namespace {

const std::string text = R"(
model: Llama-3.1-8B
every_engine: {write: none, decode: false}
hardware:
  gpu:
    base: H100
    pcie: {latency: 0 s, per_operation: 0 s, bandwidth: 13.4217728 GB/s, curve: []}
  nic: {latency: 0 s, per_operation: 0 s, bandwidth: 6.7108864 GB/s}
topology: {kind: single_node, round_trip: 0 s}
block_tokens: 512
memory: {gpu: 16 GiB, host: 16 GiB, remote: 64 GiB}
workload:
  requests:
    - {at: 0 s, context: 4096, query: 128}
    - {at: 0 s, context: 1024, query: 256}
    - {at: 60 ms, context: 1536, query: 192}
truth: {compute: linear, prefill_fixed: 20 ms, per_token: 39.0625 us, decode_fixed: 10 ms}
slo: {ttft: {factor: [2]}}
simulation: {flow_backend: pure}
)";

RunResult run(const std::string& engine) {
  scenarios::LoadOptions options;
  options.overrides = {"engine=" + engine};
  scenarios::Scenario scenario = scenarios::load_scenario_text(text, "three.yaml", options);
  return simulate(scenario);
}

double ms(Instant date) {
  return 1e3 * seconds_of(date);
}

std::vector<double> first_tokens(const std::string& engine) {
  std::vector<double> dates;
  for (const RequestRecord& request : run(engine).requests) {
    dates.push_back(ms(request.times.first_token));
  }
  return dates;
}

TEST(GoldenEngines, AreAsOnFile) {
  std::string now =
      "# ms: begin of load, end on the network, end over PCIe, begin and end of prefill; tokens "
      "used\n";
  for (const auto& row : scenarios::list_engines(scenarios::default_search_path())) {
    now += row.name + "\n";
    const RunResult result = run(row.name);
    for (const RequestRecord& request : result.requests) {
      const RequestTimes& t = request.times;
      now += fmt::format("  {} {:8.3f} {:8.3f} {:8.3f} {:8.3f} {:8.3f} {:6}\n",
                         "ABC"[raw(request.id)], ms(t.load_start), ms(t.network_done), ms(t.loaded),
                         ms(t.prefill_start), ms(t.first_token), request.cached.count());
    }
  }
  const std::string file = std::string(CALVO_SOURCE_DIR) + "/tests/sim/golden_engines.txt";
  const char* regenerate = std::getenv("CALVO_REGENERATE");
  if (regenerate != nullptr && std::string(regenerate) == "1") std::ofstream(file) << now;
  std::ifstream stream(file);
  ASSERT_TRUE(stream) << file << " is missing: CALVO_REGENERATE=1 writes it";
  std::stringstream stored;
  stored << stream.rdbuf();
  EXPECT_EQ(now, stored.str());
}

// By hand, A, B, C:
TEST(GoldenEngines, AreAsWorkedOutByHand) {
  using testing::DoubleNear;
  using testing::ElementsAre;
  const auto are = [](double a, double b, double c) {
    return ElementsAre(DoubleNear(a, 1e-3), DoubleNear(b, 1e-3), DoubleNear(c, 1e-3));
  };
  // Prompts of 8 1/4, 2 1/2 and 3 3/8 times 20 ms behind 20 ms, one after the other.
  EXPECT_THAT(first_tokens("b0_recompute"), are(185, 185 + 70, 185 + 70 + 87.5));
  // Network, copy, compute: 80 + 40 + 25, 20 + 10 + 30, 30 + 15 + 27.5, one after the other. Block
  // by block is as quick where an operation costs nothing.
  for (const char* serial : {"b1_sync", "b2_bulk", "vllm_sync"}) {
    EXPECT_THAT(first_tokens(serial), are(145, 145 + 60, 145 + 60 + 72.5)) << serial;
  }
  // The network never stops: A until 80, B until 100, C until 130, each copied 5 ms later; A
  // computes from 85 to 110, B behind it to 140, C behind that.
  for (const char* fifo : {"b6_reserve", "calvo_fifo"}) {
    EXPECT_THAT(first_tokens(fifo), are(110, 140, 167.5)) << fifo;
  }
  // B until 20, A until 100, C until 130; each is computed as soon as it is there.
  for (const char* lstf : {"b7_lstf", "calvo", "calvo_lstf_drop"}) {
    EXPECT_THAT(first_tokens(lstf), are(105 + 25, 25 + 30, 135 + 27.5)) << lstf;
  }
}

}  // namespace
}  // namespace calvo::sim
