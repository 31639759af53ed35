#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "cluster_fixture.hpp"
#include "core/input_error.hpp"

namespace calvo::sim {
namespace {

/// CALVO's two requests (arXiv 2603.21257, section 2.3.2): load 0.361 s and compute 0.019 s, load
/// 0.199 s and compute 0.025 s; a token loads in 6 + 4 us and computes in 100 us.
std::vector<traces::InlineRequest> two_requests() {
  return {{0, Tokens{36'100}, Tokens{190}, Tokens{1}}, {0, Tokens{19'900}, Tokens{250}, Tokens{1}}};
}

scenarios::Scenario vllm_sync(const std::string& order) {
  scenarios::Scenario scenario = small_scenario(two_requests());
  scenario.engine.coupling = control::Coupling::serial;
  scenario.engine.network_start = control::NetworkStart::in_step;
  scenario.engine.pcie_start = control::PcieStart::in_step;
  scenario.engine.gpu_memory = control::GpuMemory::at_load_begin;
  order_by(scenario, order);
  estimate_truly(scenario);
  return scenario;
}

TEST(TwoRequests, SerialEngineTakesTheMeansOfThePaper) {
  for (const auto& [order, mean] :
       {std::pair{"fifo", 0.492}, {"sjf_new", 0.492}, {"sjf_cost", 0.414}}) {
    scenarios::Scenario scenario = vllm_sync(order);
    EXPECT_NEAR(mean_ttft(simulate(scenario)), mean, 1e-6) << order;
  }
}

TEST(TwoRequests, ASerialEngineSpendsEachTtftInTheStagesOneAfterTheOther) {
  scenarios::Scenario scenario = vllm_sync("sjf_cost");
  const RunResult result = simulate(scenario);
  const RequestTimes& second = result.requests[1].times;
  EXPECT_NEAR(seconds_of(second.network_done) - seconds_of(second.load_start), 0.1194, 1e-6);
  EXPECT_NEAR(seconds_of(second.loaded) - seconds_of(second.network_done), 0.0796, 1e-6);
  EXPECT_NEAR(seconds_of(second.first_token) - seconds_of(second.prefill_start), 0.025, 1e-6);
  const RequestTimes& first = result.requests[0].times;
  EXPECT_EQ(first.load_start, second.first_token);
  EXPECT_NEAR(seconds_of(first.first_token), 0.604, 1e-6);
}

/// Decoupled, the second request's network load overlaps the first one's PCIe load and compute, and
/// a block crosses PCIe while the next one crosses the network:
///   fifo      0.2166 + 0.0004 + 0.019 = 0.2360;  0.2166 + 0.1194 + 0.0004 + 0.025 = 0.3614
///   sjf_cost  0.1194 + 0.0004 + 0.025 = 0.1448;  0.1194 + 0.2166 + 0.0004 + 0.019 = 0.3554
TEST(TwoRequests, DecoupledEngineHidesPcieAndComputeBehindTheNetwork) {
  for (const auto& [order, mean] : {std::pair{"fifo", (0.2360 + 0.3614) / 2},
                                    {"sjf_new", (0.2360 + 0.3614) / 2},
                                    {"sjf_cost", (0.1448 + 0.3554) / 2}}) {
    scenarios::Scenario scenario = small_scenario(two_requests());
    order_by(scenario, order);
    estimate_truly(scenario);
    EXPECT_NEAR(mean_ttft(simulate(scenario)), mean, 1e-6) << order;
  }
}

// ------------------------------------------------------------------------ one request, alone

/// On an empty cluster the simulated TTFT is the closed form of models/isolated.hpp.
TEST(OneRequest, TakesItsIsolatedTtft) {
  for (const auto& [nic, pcie] : {std::pair{1.0 / 6, 1.0 / 4}, {1.0 / 4, 1.0 / 6}, {0.2, 0.2}}) {
    scenarios::Scenario scenario = small_scenario({{0.5, Tokens{20'000}, Tokens{300}, Tokens{1}}});
    scenario.topology.serving_nic.bandwidth = BytesPerSecond{nic * 1e9};
    scenario.topology.storage_nic.bandwidth = BytesPerSecond{nic * 1e9};
    scenario.topology.serving_nic.latency = Seconds{1e-3};
    scenario.topology.serving_nic.per_operation = Seconds{2e-5};
    scenario.topology.storage_nic.per_operation = Seconds{2e-5};
    scenario.topology.round_trip = Seconds{3e-3};
    scenario.gpu.pcie.bandwidth = BytesPerSecond{pcie * 1e9};
    scenario.gpu.pcie.per_operation = Seconds{1e-5};
    scenario.engine.costs.step = Seconds{2e-3};
    scenario.engine.costs.lookup = Seconds{1e-3};
    estimate_truly(scenario);
    const double isolated =
        models::isolated_ttft(path_of(scenario), *scenario.truth, Tokens{20'300}, 200)
            .total()
            .count();
    EXPECT_NEAR(mean_ttft(simulate(scenario)), isolated, 0.001 * isolated);
  }
}

TEST(OneRequest, MissesNothingButItsQueryAndOutput) {
  scenarios::Scenario scenario = small_scenario({{0, Tokens{5'000}, Tokens{130}, Tokens{1}}});
  estimate_truly(scenario);
  const RunResult result = simulate(scenario);
  ASSERT_EQ(result.requests.size(), 1U);
  EXPECT_EQ(result.requests[0].outcome, Outcome::completed);
  EXPECT_EQ(result.requests[0].cached, Tokens{5'000});
  EXPECT_EQ(result.counters.fetched_blocks, 50);
  EXPECT_EQ(result.counters.copied_blocks, 50);
  EXPECT_EQ(result.counters.stored_blocks, 1);  // 130 new tokens fill one block of 100
}

// ------------------------------------------------------------------------ decode

TEST(Decode, OneRequestTakesTheSumOfItsIterations) {
  scenarios::Scenario scenario = small_scenario({{0, Tokens{1'000}, Tokens{100}, Tokens{51}}});
  scenario.engine.decode = true;
  estimate_truly(scenario);
  const RunResult result = simulate(scenario);
  double expected = 0;  // 50 tokens after the first, on contexts of 1100 to 1149 tokens
  for (int i = 0; i < 50; ++i) expected += 0.01 + 1e-4 + 1e-8 * (1100 + i);
  const RequestTimes& times = result.requests[0].times;
  EXPECT_NEAR(seconds_of(times.finish) - seconds_of(times.first_token), expected, 1e-8);
}

std::vector<traces::InlineRequest> busy_requests(int count) {
  std::vector<traces::InlineRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({0.013 * i * (1 + i % 3), Tokens{1'000 + 700 * (i % 7)},
                        Tokens{50 + 90 * (i % 4)}, Tokens{20 + 17 * (i % 9)}});
  }
  std::ranges::sort(requests, {}, &traces::InlineRequest::at_s);
  return requests;
}

TEST(Decode, LeapingEqualsSteppingToANanosecondAnIteration) {
  for (const double interference : {0.0, 0.1}) {
    const auto run = [&](scenarios::DecodeMode mode) {
      scenarios::Scenario scenario = small_scenario(busy_requests(40));
      scenario.engine.decode = true;
      scenario.gpu.interference.copy_slows_compute = interference;
      scenario.simulation.decode = mode;
      order_by(scenario, "sjf_cost");
      estimate_truly(scenario);
      return simulate(scenario);
    };
    const RunResult leapt = run(scenarios::DecodeMode::leap);
    const RunResult stepped = run(scenarios::DecodeMode::step);
    EXPECT_LT(leapt.counters.steps, stepped.counters.steps / 2);
    EXPECT_EQ(leapt.counters.iterations, stepped.counters.iterations);
    for (std::size_t i = 0; i < leapt.requests.size(); ++i) {
      const auto difference =
          std::abs((leapt.requests[i].times.finish - stepped.requests[i].times.finish).count());
      EXPECT_LE(difference, stepped.counters.iterations) << i << " with " << interference;
    }
  }
}

// ------------------------------------------------------------------------ runs and blocks

/// A request every 20 ms on average whose load takes 6 to 31 ms of network: queues form.
std::vector<traces::InlineRequest> dense_requests(int count) {
  std::vector<traces::InlineRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({0.02 * i + 0.007 * (i % 4), Tokens{1'000 + 700 * ((i * 5) % 7)},
                        Tokens{50 + 90 * (i % 4)}, Tokens{1}});
  }
  std::ranges::sort(requests, {}, &traces::InlineRequest::at_s);
  return requests;
}

RunResult at_granularity(scenarios::Granularity granularity,
                         std::vector<traces::InlineRequest> requests, std::int64_t window) {
  scenarios::Scenario scenario = small_scenario(std::move(requests));
  scenario.engine.network_window = {Bytes{300'000}, window};  // three blocks posted
  scenario.engine.pcie_window = {Bytes{300'000}, 4};
  scenario.simulation.granularity = granularity;
  order_by(scenario, "sjf_cost");
  estimate_truly(scenario);
  return simulate(scenario);
}

TEST(Granularity, RunEqualsBlockWhereNothingContends) {
  const std::vector<traces::InlineRequest> apart = {{0, Tokens{12'000}, Tokens{100}, Tokens{1}},
                                                    {1, Tokens{7'300}, Tokens{20}, Tokens{1}},
                                                    {2, Tokens{100}, Tokens{20}, Tokens{1}}};
  const RunResult run = at_granularity(scenarios::Granularity::run, apart, 1);
  const RunResult block = at_granularity(scenarios::Granularity::block, apart, 1);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    const double a = seconds_of(run.requests[i].times.first_token) - apart[i].at_s;
    const double b = seconds_of(block.requests[i].times.first_token) - apart[i].at_s;
    EXPECT_NEAR(a, b, 1e-6 * b) << i;
  }
}

TEST(Granularity, RunStaysWithinHalfAPercentOfBlockUnderContention) {
  const auto median = [](const RunResult& result) {
    std::vector<double> ttft;
    for (const RequestRecord& request : result.requests) {
      ttft.push_back(seconds_of(request.times.first_token) - seconds_of(request.times.arrival));
    }
    std::ranges::nth_element(ttft, ttft.begin() + static_cast<std::ptrdiff_t>(ttft.size() / 2));
    return ttft[ttft.size() / 2];
  };
  std::int64_t cuts = 0;
  for (const std::int64_t window : {1, 2, 4}) {
    const RunResult run = at_granularity(scenarios::Granularity::run, dense_requests(80), window);
    const RunResult block =
        at_granularity(scenarios::Granularity::block, dense_requests(80), window);
    EXPECT_NEAR(median(run), median(block), 0.005 * median(block)) << window;
    for (const double objective : {0.1, 0.2, 0.4, 0.8}) {
      const auto met = [&](const RunResult& result) {
        return std::ranges::count_if(result.requests, [&](const RequestRecord& request) {
          return to_seconds(request.times.first_token - request.times.arrival).count() <= objective;
        });
      };
      EXPECT_NEAR(static_cast<double>(met(run)), static_cast<double>(met(block)), 1) << objective;
    }
    cuts += run.counters.cut_fetches;
  }
  EXPECT_GT(cuts, 0) << "no better request ever found the network taken";
}

// ------------------------------------------------------------------------ resources

double carried(const RunResult& result, const std::string& link) {
  for (const ResourceUse& use : result.resources) {
    if (use.name == link) return static_cast<double>(use.moved.count());
  }
  ADD_FAILURE() << "no link " << link;
  return 0;
}

TEST(Resources, LoadsTakeTheNicsOfANodeInTurn) {
  for (const int nics : {2, 4}) {
    scenarios::Scenario scenario = small_scenario(dense_requests(120));
    scenario.engine.network_window.operations = 2;
    scenario.topology.nics_per_serving_node = nics;
    scenario.topology.nics_per_storage_node = nics;
    estimate_truly(scenario);
    const RunResult result = simulate(scenario);
    double all = 0;
    for (int nic = 0; nic < nics; ++nic) {
      all += carried(result, "serving0.nic" + std::to_string(nic) + ".rx");
    }
    for (int nic = 0; nic < nics; ++nic) {
      const double own = carried(result, "serving0.nic" + std::to_string(nic) + ".rx");
      EXPECT_NEAR(own / all, 1.0 / nics, 0.1 / nics) << nic << " of " << nics;
    }
  }
}

TEST(Resources, LinksCarryWhatTheBooksCount) {
  scenarios::Scenario scenario = small_scenario(dense_requests(80));
  estimate_truly(scenario);
  const RunResult result = simulate(scenario);
  const double block = 100'000;
  EXPECT_NEAR(carried(result, "storage0.nic0.tx"),
              static_cast<double>(result.counters.fetched_blocks) * block, 1);
  EXPECT_NEAR(carried(result, "instance0.gpu0.pcie.h2d"),
              static_cast<double>(result.counters.copied_blocks) * block, 1);
  EXPECT_NEAR(carried(result, "storage0.nic0.rx"),
              static_cast<double>(result.counters.stored_blocks) * block, 1);
}

TEST(Resources, ACopyBehindAFetchPaysItsOwnSetUp) {
  // One block: network 0.6 ms, copy 0.4 ms; the copy is posted with the fetch and takes 50 ms to
  // begin, as the fetch does.
  scenarios::Scenario scenario = small_scenario({{0, Tokens{100}, Tokens{10}, Tokens{1}}});
  scenario.gpu.pcie.latency = Seconds{0.05};
  estimate_truly(scenario);
  EXPECT_NEAR(mean_ttft(simulate(scenario)), 0.05 + 0.0004 + 0.001, 1e-6);
}

TEST(Simulate, RefusesARunThatIsLongerThanTheLongest) {
  for (const double rate : {1.0, 1e-300}) {  // bytes/s: a block takes a day, or for ever
    scenarios::Scenario scenario = small_scenario({{0, Tokens{10'000}, Tokens{1}, Tokens{1}}});
    scenario.file = "s.yaml";
    scenario.topology.storage_nic.bandwidth = BytesPerSecond{rate};
    estimate_truly(scenario);
    try {
      simulate(scenario);
      FAIL() << "it ended";
    } catch (const InputError& error) {
      EXPECT_STREQ(
          error.what(),
          "s.yaml:0:0: simulation.time_limit: 0 of 1 requests have ended after the longest "
          "run, 8388608 s (97 days); correct rates and times of the scenario, or set a "
          "limit");
    }
  }
}

TEST(Simulate, KeepsDatesApartToTheEndOfTheLongestRun) {
  scenarios::Scenario near = small_scenario({{0, Tokens{1000}, Tokens{10}, Tokens{1}}});
  scenarios::Scenario far = small_scenario({{8.38e6, Tokens{1000}, Tokens{10}, Tokens{1}}});
  estimate_truly(near);
  estimate_truly(far);
  const RequestTimes first = simulate(near).requests[0].times;
  const RequestTimes last = simulate(far).requests[0].times;
  const Nanoseconds shift = last.arrival - first.arrival;
  EXPECT_EQ(shift, Nanoseconds{8'380'000'000'000'000});
  EXPECT_LE(std::abs((last.first_token - first.first_token - shift).count()), 4);
}

TEST(Simulate, StopsAtItsTimeLimitAndNotAtTheNextEvent) {
  scenarios::Scenario scenario = small_scenario(
      {{0, Tokens{100}, Tokens{10}, Tokens{1}}, {100, Tokens{100}, Tokens{10}, Tokens{1}}});
  scenario.simulation.time_limit = Seconds{1};
  estimate_truly(scenario);
  const RunResult result = simulate(scenario);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.end, instant_at(1));
  EXPECT_EQ(result.requests.size(), 1U);
}

TEST(Simulate, NoisyTransfersAreSlowerAndNeverFasterThanTheirLinks) {
  std::vector<double> ttft;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    scenarios::Scenario scenario = small_scenario({{0, Tokens{20'000}, Tokens{10}, Tokens{1}}});
    scenario.seed = seed;
    scenario.simulation.truth_noise = 0.2;
    estimate_truly(scenario);
    ttft.push_back(mean_ttft(simulate(scenario)));
    EXPECT_GT(ttft.back(), 0.12);  // 20,000 tokens at 6 us
  }
  std::ranges::sort(ttft);
  EXPECT_EQ(std::ranges::unique(ttft).size(), 0U) << "two seeds drew the same noise";
}

/// A small request passes large ones that wait with their loads begun, whatever the bound on those.
TEST(Simulate, TheBoundOnLoadsAheadLetsABetterRequestPass) {
  std::vector<traces::InlineRequest> requests;
  for (int i = 0; i < 12; ++i) requests.push_back({0, Tokens{10'000}, Tokens{2'000}, Tokens{1}});
  requests.push_back({0.3, Tokens{200}, Tokens{10}, Tokens{1}});
  const auto last_ttft = [&](int bound) {
    scenarios::Scenario scenario = small_scenario(requests);
    scenario.engine.prefetch_requests = bound;
    order_by(scenario, "sjf_cost");
    estimate_truly(scenario);
    const RequestTimes times = simulate(scenario).requests.back().times;
    return to_seconds(times.first_token - times.arrival).count();
  };
  EXPECT_NEAR(last_ttft(2), last_ttft(0), 0.21);  // at most one prefill under way in between
}

}  // namespace
}  // namespace calvo::sim
