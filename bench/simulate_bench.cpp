// How fast the whole simulator is on a real trace, from scenario file to result.
//
// Targets, of CPU time in a release build:
//   Mooncake512      >= 20,000 requests per CPU-second, peak memory < 200 MB
//   Mooncake16       no target: shown beside it
//   Mooncake512x10   <= 12 x the time of Mooncake512
// Bound: per request some ten controller events, each a handful of O(log n) operations on the
// books; the solver by the flows coupled through the storage node's links.
//
// SimGrid allows one engine in a process: each iteration is a child of its own. Its time is the
// child's CPU time in simulate(); reading and naming the trace is the counter `load_s`.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/load.hpp"
#include "sim/simulate.hpp"

namespace {

using namespace calvo;

struct Measured {
  double load_s = 0;
  double simulate_s = 0;
  double peak_mb = 0;
  double requests = 0;
  double events = 0;
  double bottleneck = 0;  ///< highest utilisation of a link
};

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Measured run(const std::vector<std::string>& overrides) {
  Measured measured;
  scenarios::LoadOptions options;
  options.overrides = overrides;
  const double begin = cpu_s();
  scenarios::Scenario scenario = scenarios::load_scenario(
      std::string(CALVO_SOURCE_DIR) + "/scenarios/examples/mooncake_conversation.yaml", options);
  const double loaded = cpu_s();
  const RunResult result = sim::simulate(scenario);
  measured.load_s = loaded - begin;
  measured.simulate_s = cpu_s() - loaded;
  measured.requests = static_cast<double>(result.requests.size());
  measured.events = static_cast<double>(result.counters.events);
  for (const ResourceUse& use : result.resources) {
    const bool link = use.kind == ResourceKind::network || use.kind == ResourceKind::dram ||
                      use.kind == ResourceKind::pcie;
    if (link) measured.bottleneck = std::max(measured.bottleneck, use.utilization);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  measured.peak_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  return measured;
}

Measured run_in_child(const std::vector<std::string>& overrides) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    const Measured measured = run(overrides);
    const bool sent = write(ends[1], &measured, sizeof measured) == sizeof measured;
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  Measured measured;
  const bool got = read(ends[0], &measured, sizeof measured) == sizeof measured;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!got || status != 0) throw std::runtime_error("the simulation failed in its child process");
  return measured;
}

void simulate(benchmark::State& state, const std::vector<std::string>& overrides) {
  Measured last;
  for (auto _ : state) {
    last = run_in_child(overrides);
    state.SetIterationTime(last.simulate_s);
  }
  state.counters["requests_per_cpu_s"] = last.requests / last.simulate_s;
  state.counters["events_per_request"] = last.events / last.requests;
  state.counters["load_s"] = last.load_s;
  state.counters["peak_MB"] = last.peak_mb;
  state.counters["busiest_link"] = last.bottleneck;
}

BENCHMARK_CAPTURE(simulate, Mooncake512, std::vector<std::string>{})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(5);
BENCHMARK_CAPTURE(simulate, Mooncake16, std::vector<std::string>{"block_tokens=16"})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);
BENCHMARK_CAPTURE(simulate, Mooncake512x10,
                  std::vector<std::string>{"workload.trace.open.repeat=10"})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);

}  // namespace

BENCHMARK_MAIN();
