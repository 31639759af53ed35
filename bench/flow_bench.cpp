// Cost of an event of the simulator's lower half: solver, timers, worlds.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/random.hpp"
#include "sim/fluid_solver.hpp"
#include "sim/world.hpp"

namespace calvo::sim {
namespace {

constexpr double nic = 50e9;

/// Random pairs of `n` sources and `n` sinks, one NIC each.
struct Pairs {
  Pairs(std::int64_t n, std::uint64_t seed) : nodes(n), random(seed) {}

  std::array<LinkId, 2> pick() {
    return {LinkId{static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(nodes)))},
            LinkId{static_cast<std::uint32_t>(static_cast<std::uint64_t>(nodes) +
                                              random.below(static_cast<std::uint64_t>(nodes)))}};
  }
  double bytes() { return 1e6 + random.uniform() * 1e9; }

  std::int64_t nodes;
  Random random;
};

/// A completion and the start that replaces it, with range(0) flows in flight between range(1)
/// sources and as many sinks: nearly all of them coupled, directly or through others.
/// Target: 0.1 us + 80 ns a coupled flow for each of the two events; about 25 ns where links by far
/// outnumber the levels at which they fill. SimGrid's own solver takes 200 to 450 ns a flow.
void BM_SolverEvent(benchmark::State& state) {
  Pairs pairs(state.range(1), 1);
  FluidSolver solver;
  for (std::int64_t i = 0; i < 2 * state.range(1); ++i) solver.add_link(nic);
  std::uint64_t sequence = 0;
  const auto start = [&] {
    const auto links = pairs.pick();
    solver.start({.links = links, .bytes = pairs.bytes()}, sequence++);
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) start();
  for (auto _ : state) {
    solver.advance(solver.next_completion());
    solver.pop_completion();
    solver.next_completion();  // a solution for each of the two events
    start();
  }
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(BM_SolverEvent)
    ->ArgsProduct({{1, 4, 16, 64, 256, 1024}, {8, 64}})
    ->ArgNames({"flows", "sources"})
    ->Unit(benchmark::kMicrosecond);

/// Setting a timer and taking the earliest, with range(0) of them waiting.
/// Target: below 0.1 us at 1024.
void BM_EventQueue(benchmark::State& state) {
  Random random(1);
  EventQueue queue;
  std::uint64_t sequence = 0;
  Instant now{};
  const auto push = [&] {
    queue.push(now + Nanoseconds{static_cast<std::int64_t>(random.below(1'000'000))}, sequence++,
               {});
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) push();
  for (auto _ : state) {
    now = queue.pop().date;
    push();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EventQueue)->RangeMultiplier(8)->Range(8, 32768);

/// Keeps `flows` transfers going until `events` have ended, with a timer before each: the latency
/// that precedes a transfer.
class Driver final : public WorldHandler {
public:
  Driver(World& world, std::int64_t sources, std::int64_t flows, std::int64_t events)
      : world_(world), pairs_(sources, 1), left_(events) {
    for (std::int64_t i = 0; i < 2 * sources; ++i) {
      world.network().add_link("link" + std::to_string(i), nic);
    }
    for (std::uint32_t from = 0; from < sources; ++from) {
      for (std::uint32_t to = 0; to < sources; ++to) {
        const std::array route = {LinkId{from}, LinkId{static_cast<std::uint32_t>(sources) + to}};
        world.network().declare_route(route);
      }
    }
    for (std::int64_t i = 0; i < flows; ++i) world.at(Instant{}, {});
  }

  void on_events(Instant date, std::span<const WorldEvent> events) override {
    for (const WorldEvent& event : events) {
      if (--left_ <= 0) world_.stop();
      if (event.source == WorldEvent::Source::timer) {
        const auto links = pairs_.pick();
        world_.network().start({.links = links, .bytes = pairs_.bytes()});
      } else {
        world_.at(date + std::chrono::microseconds(10), {});
      }
    }
  }

private:
  World& world_;
  Pairs pairs_;
  std::int64_t left_;
};

/// One event of a world, timer or flow, with range(1) transfers between 8 sources and sinks. In a
/// child process, as SimGrid allows one engine each; the child's start is not counted.
/// Target: `fluid` at most 0.35 us an event above `pure`, the price of SimGrid's loop.
void BM_WorldEvent(benchmark::State& state) {
  constexpr std::int64_t events = 200'000;
  for (auto _ : state) {
    int ends[2];
    if (pipe(ends) != 0) return state.SkipWithError("no pipe");
    const pid_t child = fork();
    if (child == 0) {
      const auto world = World::create(static_cast<WorldKind>(state.range(0)));
      Driver driver(*world, 8, state.range(1), events);
      timespec before{};
      timespec after{};
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
      world->run(driver);
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
      const double seconds = static_cast<double>(after.tv_sec - before.tv_sec) +
                             1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
      _exit(write(ends[1], &seconds, sizeof seconds) == sizeof seconds ? 0 : 1);
    }
    close(ends[1]);
    double seconds = 0;
    const bool ok = read(ends[0], &seconds, sizeof seconds) == sizeof seconds;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    if (!ok) return state.SkipWithError("child failed");
    state.SetIterationTime(seconds / static_cast<double>(events));
  }
  constexpr const char* names[] = {"fluid", "simgrid", "pure"};
  state.SetLabel(names[state.range(0)]);
}
BENCHMARK(BM_WorldEvent)
    ->ArgsProduct({{0, 1, 2}, {1, 8, 64}})
    ->ArgNames({"world", "flows"})
    ->Iterations(3)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace calvo::sim

BENCHMARK_MAIN();
