// One small scenario on each named engine, its whole timeline as text: a change of behaviour shows
// as a diff. CALVO_REGENERATE=1 writes the files anew; read what changed before you commit them.
//
// r0 (6 blocks of history in the pool) and r1 (2 blocks) come at 0; r2 comes at 60 us with 4
// blocks, the first 2 of them r1's, and is due soon. 40 us a block on the network, 15 us over PCIe;
// CALVO's rows have one network run and one copy at a time here. What to see:
//
//   recompute_only   no lookup, no transfer in; r2 still uses what r1 left in GPU memory
//   vllm_sync        fetch, copy, step, one after the other, for the head of the line only; the
//                    copy waits for the whole fetch, and nothing moves while a step runs
//   sync_block_by_block  the same, one get and one copy a block
//   vllm_async_2025  loads begin when a step admits the request and go on while steps run; a
//                    landed load is used at the next step boundary or idle poll
//   early_prefetch   all network loads begin when a step first sees the requests, whatever memory
//                    there is; here the same as vllm_async_2025
//   hicache_*        network loads begin with the lookup's answer; the copy begins in the step, and
//                    the step beside it, layer by layer. best_effort: nothing has landed at 20 us,
//                    so r0 and r1 are computed; timeout: over for r1 at 151 us, but r2 waits for
//                    the same blocks; at 214 us for r0, of which 3 blocks have landed by then
//   tent_edf         vllm_async_2025 with one network run at a time: r2, due first, goes before r1,
//                    and r0 is cut for it
//   calvo_fifo       loads begin with the lookup's answer, copies follow their fetch block by block
//                    ("after"), steps run meanwhile; r0, r1, r2
//   calvo_sjf        the same by cost: r1, r2, r0
//   calvo            the same by slack: r0 is on its way when r2 comes, is cut at a block boundary,
//                    and goes on behind it; r1, due last, finds its blocks there
//   calvo_lstf_drop  the same: nobody is late (tests/control/ladder_switches_test.cpp has those)
//   calvo_bottleneck most work is outstanding for the GPU, and all compute 10 tokens: by arrival
//   calvo_soonest    the same; loading is quicker than computing even behind both others
#include <cstdlib>
#include <deque>
#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {
namespace {

RequestSpec request(std::uint64_t id, std::int64_t arrival_us, std::int64_t input,
                    std::vector<BlockRun> blocks, std::int64_t deadline_us) {
  RequestSpec spec;
  spec.id = RequestId{id};
  spec.session = SessionId{id};
  spec.arrival = Instant{Nanoseconds{arrival_us * 1000}};
  spec.input = Tokens{input};
  spec.output = Tokens{3};
  spec.blocks = std::move(blocks);
  spec.prompt_blocks = static_cast<std::int32_t>(input / 16);
  spec.deadline = Nanoseconds{deadline_us * 1000};
  return spec;
}

std::string timeline(EngineConfig engine) {
  if (engine.cut == Cut::block) {
    engine.network_window.operations = engine.pcie_window.operations = 1;
  }
  engine.idle_poll = Seconds{50e-6};
  FakeDriver::Setup setup;
  setup.engine = engine;
  setup.resources.block_tokens = Tokens{16};
  setup.resources.block_bytes = Bytes{1 << 16};
  setup.resources.gpu_blocks = 32;
  setup.resources.host_blocks = 32;
  setup.resources.storage_nodes = 1;
  const Hardware hardware;
  const LineCost estimates;
  FakeDriver driver(setup, hardware, estimates);
  const BlockRun first{BlockId{100}, 6};
  const BlockRun second{BlockId{200}, 2};
  const BlockRun third{BlockId{300}, 2};
  for (const BlockRun& history : {first, second, third}) driver.preload(history);
  std::deque<RequestSpec> specs;
  specs.push_back(request(0, 0, 6 * 16 + 10, {first}, 3000));
  specs.push_back(request(1, 0, 2 * 16 + 10, {second}, 5000));
  specs.push_back(request(2, 60, 4 * 16 + 10, {second, third}, 700));
  for (const RequestSpec& spec : specs) driver.add(spec);
  EXPECT_TRUE(driver.run(1000));
  EXPECT_EQ(driver.complaints(), std::vector<std::string>{});

  std::string text = "# " + engine.name + "; dates in us\n";
  for (const Batch& batch : driver.batches()) {
    const double date =
        static_cast<double>(batch.events.front().time.time_since_epoch().count()) / 1000;
    for (std::size_t i = 0; i < batch.events.size(); ++i) {
      text += fmt::format("{:>8}  {}\n", i == 0 ? fmt::format("{:.2f}", date) : "",
                          describe(batch.events[i]));
    }
    for (const Command& command : batch.answer.commands) {
      text += fmt::format("{:>8}    -> {}\n", "", describe(command, batch.answer));
    }
  }
  return text;
}

class Golden : public ::testing::TestWithParam<EngineConfig> {};

TEST_P(Golden, TimelineIsAsOnFile) {
  const std::string file =
      std::string(CALVO_SOURCE_DIR) + "/tests/control/golden/" + GetParam().name + ".txt";
  const std::string now = timeline(GetParam());
  const char* regenerate = std::getenv("CALVO_REGENERATE");
  if (regenerate != nullptr && std::string(regenerate) == "1") {
    std::ofstream(file) << now;
  }
  std::ifstream stream(file);
  ASSERT_TRUE(stream) << file << " is missing: CALVO_REGENERATE=1 writes it";
  std::stringstream stored;
  stored << stream.rdbuf();
  EXPECT_EQ(now, stored.str());
}

INSTANTIATE_TEST_SUITE_P(Engines, Golden, ::testing::ValuesIn(named_engines()),
                         [](const auto& engine) { return engine.param.name; });

}  // namespace
}  // namespace calvo::control::fake
