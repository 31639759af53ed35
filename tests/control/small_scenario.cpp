#include "tests/control/small_scenario.hpp"

#include <algorithm>

namespace calvo::control::fake {
namespace {

constexpr std::int64_t block_tokens = 16;

void append(std::vector<BlockRun>& runs, std::uint64_t id) {
  if (!runs.empty() && raw(block_of(runs.back(), runs.back().count)) == id) {
    ++runs.back().count;
  } else {
    runs.push_back({BlockId{id}, 1});
  }
}

}  // namespace

SmallScenario make_small_scenario(std::uint64_t seed, const EngineConfig& engine) {
  SmallScenario scenario;
  Random random(seed, 7);
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low) + 1));
  };
  FakeDriver::Setup& setup = scenario.setup;
  setup.engine = engine;
  InstanceResources& resources = setup.resources;
  resources.block_tokens = Tokens{block_tokens};
  resources.block_bytes = Bytes{1 << 16};
  resources.gpu_blocks = between(4, 30);
  resources.host_blocks = random.below(8) == 0 ? 0 : between(1, random.below(2) == 0 ? 8 : 60);
  resources.storage_nodes = random.below(8) == 0 ? 0 : static_cast<std::int32_t>(between(1, 3));
  resources.storage_extent = between(1, 6);
  setup.instances = static_cast<std::int32_t>(between(1, 3));
  setup.storage_blocks = random.below(2) == 0 ? between(2, 12) : between(20, 200);
  setup.routing = random.below(2) == 0 ? "round_robin" : "cache_aware";

  Hardware& hardware = scenario.hardware;
  hardware.sharing = random.below(2) == 0 ? Sharing::fair : Sharing::serial;
  hardware.network_block = Nanoseconds{between(1'000, 400'000)};
  hardware.pcie_block = Nanoseconds{between(1'000, 200'000)};
  hardware.prefill_token = Nanoseconds{between(100, 30'000)};
  hardware.lookup = Nanoseconds{random.below(4) == 0 ? 0 : between(0, 50'000)};
  hardware.network_latency = Nanoseconds{random.below(4) == 0 ? 0 : between(0, 50'000)};
  hardware.lose_every = random.below(3) == 0 ? static_cast<std::int32_t>(between(2, 6)) : 0;

  // What was said before: prefixes that sessions start from, and those they branch off.
  std::vector<std::vector<std::uint64_t>> histories;
  std::uint64_t next_id = 1;
  const auto extend = [&](std::vector<std::uint64_t>& ids, std::int64_t count) {
    while (static_cast<std::int64_t>(ids.size()) < count) {
      if (random.below(6) == 0) next_id += random.below(5);
      ids.push_back(next_id++);
    }
  };
  const std::int64_t requests = between(2, 14);
  const std::int64_t largest = random.below(2) == 0 ? 60 : 30 * resources.gpu_blocks / 2;
  Instant arrival{};
  const std::int64_t gap = random.below(3) == 0 ? 0 : between(1'000, 3'000'000);
  std::uint64_t session = 0;
  while (static_cast<std::int64_t>(scenario.specs.size()) < requests) {
    std::vector<std::uint64_t> ids;
    if (!histories.empty() && random.below(4) != 0) {
      const auto& from = histories[random.below(histories.size())];
      ids.assign(from.begin(),
                 from.begin() + static_cast<std::ptrdiff_t>(random.below(from.size() + 1)));
    }
    std::int64_t said = static_cast<std::int64_t>(ids.size()) * block_tokens;
    const std::int64_t turns = between(1, 4);
    if (random.below(3) != 0) arrival += Nanoseconds{between(0, gap)};
    for (std::int64_t turn = 0; turn < turns; ++turn) {
      RequestSpec spec;
      spec.id = RequestId{scenario.specs.size()};
      spec.session = SessionId{session};
      spec.turn = static_cast<std::int32_t>(turn);
      spec.arrival = arrival;
      spec.input = Tokens{said + between(1, std::max<std::int64_t>(largest, 2))};
      spec.output = Tokens{random.below(4) == 0 ? 1 : between(1, 40)};
      said = (spec.input + spec.output).count();
      extend(ids, said / block_tokens);
      for (std::int64_t i = 0; i < said / block_tokens; ++i) {
        append(spec.blocks, ids[static_cast<std::size_t>(i)]);
      }
      spec.prompt_blocks = static_cast<std::int32_t>(spec.input.count() / block_tokens);
      if (random.below(2) == 0) spec.deadline = Nanoseconds{between(100'000, 50'000'000)};
      if (random.below(10) == 0) {
        scenario.cancels.push_back({spec.id, Nanoseconds{between(0, 5'000'000)}});
      }
      if (random.below(3) == 0) {  // part of what it needs lies in the pool
        for (const BlockRun& run : spec.blocks) scenario.stored.push_back(run);
      }
      const bool last = turn + 1 == turns;
      const auto index = static_cast<std::int32_t>(scenario.specs.size());
      scenario.next_turn.push_back(last ? -1 : index + 1);
      scenario.think.push_back(Nanoseconds{random.below(3) == 0 ? 0 : between(0, 2'000'000)});
      scenario.specs.push_back(spec);
    }
    histories.push_back(ids);
    ++session;
  }
  return scenario;
}

void add_faults(SmallScenario& scenario, std::uint64_t seed) {
  Random random(seed, 23);
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low) + 1));
  };
  InstanceResources& resources = scenario.setup.resources;
  if (resources.storage_nodes == 0) return;
  resources.storage_replicas = static_cast<std::int32_t>(between(1, resources.storage_nodes));
  if (resources.host_blocks > 0 && random.below(3) == 0) resources.host_blocks = between(1, 4);
  Faults& faults = scenario.setup.faults;
  faults.seed = seed;
  const auto often = [&] { return random.below(2) == 0 ? 0 : random.below(6) + 1; };
  faults.corrupt = often();
  faults.missing = often();
  faults.hanging = often();
  faults.failed_store = often();
  faults.timeout = Nanoseconds{random.below(4) == 0 ? 0 : between(0, 1'000'000)};
  faults.longest_drain = Nanoseconds{random.below(4) == 0 ? 0 : between(0, 20'000'000)};
  for (std::uint32_t node = 0; node < static_cast<std::uint32_t>(resources.storage_nodes); ++node) {
    if (random.below(2) == 0) continue;
    Outage outage;
    outage.node = node;
    outage.from = Instant{Nanoseconds{between(0, 5'000'000)}};
    outage.until = outage.from + Nanoseconds{between(1, 20'000'000)};
    outage.noticed = Nanoseconds{random.below(3) == 0 ? 0 : between(0, 4'000'000)};
    faults.outages.push_back(outage);
  }
}

void play(SmallScenario& scenario, FakeDriver& driver) {
  if (scenario.setup.resources.storage_nodes > 0) {
    for (const BlockRun& run : scenario.stored) driver.preload(run);
  }
  const auto start = [&scenario, &driver](std::size_t index) {
    const RequestSpec& spec = scenario.specs[index];
    driver.add(spec);
    for (const Cancellation& cancel : scenario.cancels) {
      if (cancel.request == spec.id) driver.cancel(spec.id, spec.arrival + cancel.after);
    }
  };
  driver.on_finish = [&scenario, start](const RequestSpec& spec, Instant now) {
    const std::int32_t next = scenario.next_turn[raw(spec.id)];
    if (next < 0) return;
    const auto index = static_cast<std::size_t>(next);
    scenario.specs[index].arrival = now + scenario.think[index];
    start(index);
  };
  for (std::size_t i = 0; i < scenario.specs.size(); ++i) {
    if (scenario.specs[i].turn == 0) start(i);
  }
}

}  // namespace calvo::control::fake
