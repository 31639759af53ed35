// What the control thread and its rings cost in a real run: 10,000 blocks a second complete. The
// end of each run of blocks wakes the control thread, goes through the ring and the control plane
// and sends the next fetch and copy out. (Blocks inside a run meet only the copy behind it, not
// this thread.)
//
// Target: below 5 % of one core ("control_share") for runs of 16 blocks, a quarter of the usual
// extent, on one core and on two. Runs of one block are the worst there can be, and most of that is
// the kernel's: `wake_ups` is the same thread waking up, and waking the other, as often with
// nothing to decide. Both are pinned, as the scheduler's choice of cores decides the figures: where
// threads on two cores wake each other, each wake-up is an interrupt to an idle core, which in a
// virtual machine costs several times what all the rest does.
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>
#include <sched.h>

#include "control/instance.hpp"
#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/wall_clock.hpp"
#include "realrun/engine/worker.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int32_t blocks_per_request = 2000;
constexpr int requests = 5;
constexpr Nanoseconds between_blocks{100'000};
constexpr int window = 8;  ///< runs posted at a time

struct FlatCost final : models::CostModel {
  Seconds load(const models::Work& work) const override {
    return Seconds{1e-6 * static_cast<double>(work.remote.count())};
  }
  Seconds compute(const models::Work& work) const override {
    return Seconds{1e-6 * static_cast<double>(work.compute.count())};
  }
};

control::InstanceResources resources(std::int64_t blocks_per_run) {
  control::InstanceResources all;
  all.block_tokens = Tokens{16};
  all.block_bytes = Bytes{1 << 20};
  all.gpu_blocks = all.host_blocks = 1 << 20;
  all.storage_nodes = 64;  // runs are as long as an extent: two are hardly ever on one node
  all.storage_extent = blocks_per_run;
  return all;
}

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Where the two threads run, of the cores that this process may use.
struct Cores {
  int control = 0;
  int stages = 0;
};

/// Nothing where `count` cores are wanted and there are fewer.
std::optional<Cores> cores(std::int64_t count) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return std::nullopt;
  std::vector<int> usable;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &allowed)) usable.push_back(core);
  }
  if (usable.size() < static_cast<std::size_t>(count)) return std::nullopt;
  return Cores{usable.front(), usable[static_cast<std::size_t>(count - 1)]};
}

constexpr const char* too_few_cores = "fewer cores than this needs";

/// A rail and a copy stage that move nothing and take 100 us a block.
class Stages {
public:
  Stages(int core, NoticeRing& notices) : orders_(4096, bell_), notices_(notices) {
    worker_.start("stages", core, notices_, [this] { work(); });
  }
  ~Stages() {
    orders_.push(StopOrder{});
    worker_.join();
  }
  Ring<RailOrder>& orders() { return orders_; }

private:
  static Nanoseconds time_of(const FetchOrder& order) {
    return static_cast<std::int64_t>(order.blocks.size()) * between_blocks;
  }
  void work() {
    std::vector<RailOrder> inbox;
    std::deque<FetchOrder> fetches;
    Instant due{};
    for (;;) {
      inbox.clear();
      orders_.drain(inbox);
      for (RailOrder& order : inbox) {
        if (std::holds_alternative<StopOrder>(order)) return;
        fetches.push_back(std::move(std::get<FetchOrder>(order)));
      }
      if (!fetches.empty() && clock_.now() >= due) {
        Notice landed;
        landed.kind = Notice::Kind::event;
        landed.event.kind = control::EventKind::fetch_done;
        landed.event.run = fetches.front().run;
        landed.event.blocks = static_cast<std::int32_t>(fetches.front().blocks.size());
        fetches.pop_front();
        const Nanoseconds next = fetches.empty() ? Nanoseconds{0} : time_of(fetches.front());
        notices_.push(std::move(landed));
        due = std::max(due + next, clock_.now() - between_blocks);
        continue;
      }
      bell_.arm();
      if (!orders_.empty()) continue;
      bell_.sleep(fetches.empty() ? Nanoseconds::max() : due - clock_.now());
    }
  }

  WallClock clock_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  Ring<RailOrder> orders_;
  NoticeRing& notices_;
  Worker worker_;
};

void completions(benchmark::State& state) {
  const std::optional<Cores> places = cores(state.range(1));
  if (!places) return state.SkipWithError(too_few_cores);
  double cpu = 0, wall = 0;
  std::int64_t blocks = 0;
  for (auto iteration : state) {
    Doorbell bell{Doorbell::Sleeper::alone};
    NoticeRing notices(1 << 14, bell);
    const FlatCost estimates;
    control::EngineConfig engine;
    engine.network_window.operations = window;
    engine.decode = false;
    engine.write = control::Write::none;
    control::Instance instance(engine, resources(state.range(0)), estimates);
    std::deque<RequestSpec> specs;
    std::vector<control::Event> batch;
    control::CommandBuffer commands;
    std::unordered_map<std::uint64_t, control::Event> copies;  ///< by the fetch that they follow
    const WallClock clock;
    Stages stages(places->stages, notices);
    const ThreadPlace place("control", places->control, Turns::prompt);

    for (std::uint64_t i = 0; i < requests; ++i) {
      RequestSpec& spec = specs.emplace_back();
      spec.id = RequestId{i};
      spec.input = Tokens{16 * blocks_per_request + 1};
      spec.output = Tokens{1};
      spec.blocks = {{BlockId{i * 1'000'000}, blocks_per_request}};
      spec.prompt_blocks = blocks_per_request;
      control::Event arrival;
      arrival.kind = control::EventKind::arrival;
      arrival.spec = &spec;
      batch.push_back(arrival);
    }
    const double cpu_before = thread_cpu_s();
    const Instant began = clock.now();
    std::vector<Notice> inbox;
    while (instance.unfinished() > 0 || !batch.empty()) {
      const Instant now = clock.now();
      for (control::Event& event : batch) event.time = now;
      commands.clear();
      instance.handle(batch, commands);
      batch.clear();
      for (const control::Command& command : commands.commands) {
        control::Event over;
        over.run = command.run;
        over.blocks = command.to - command.from;
        switch (command.kind) {
          case control::CommandKind::lookup:
            over.kind = control::EventKind::lookup_done;
            over.blocks = command.to;
            batch.push_back(over);
            break;
          case control::CommandKind::fetch: {
            FetchOrder order;
            order.run = command.run;
            order.blocks.resize(static_cast<std::size_t>(over.blocks));
            stages.orders().push(std::move(order));
            break;
          }
          case control::CommandKind::copy_in:
            over.kind = control::EventKind::copy_done;
            if (command.after == RunId{}) {
              batch.push_back(over);
            } else {
              copies[raw(command.after)] = over;
            }
            break;
          case control::CommandKind::run_step:
            over.kind = control::EventKind::step_done;
            over.iterations = 1;
            batch.push_back(over);
            break;
          default:
            break;
        }
      }
      if (!batch.empty() || instance.unfinished() == 0) continue;
      while (notices.empty()) {
        bell.arm();
        if (notices.empty()) bell.sleep(Nanoseconds::max());
        bell.disarm();
      }
      inbox.clear();
      notices.drain(inbox);
      for (const Notice& notice : inbox) {
        blocks += notice.event.blocks;
        batch.push_back(notice.event);
        const auto copy = copies.find(raw(notice.event.run));
        if (copy == copies.end()) continue;
        batch.push_back(copy->second);
        copies.erase(copy);
      }
    }
    cpu += thread_cpu_s() - cpu_before;
    wall += to_seconds(clock.now() - began).count();
  }
  state.counters["blocks_per_s"] = static_cast<double>(blocks) / wall;
  state.counters["control_share"] = cpu / wall;
  state.counters["us_per_block"] = 1e6 * cpu / static_cast<double>(blocks);
}
BENCHMARK(completions)
    ->ArgNames({"blocks_per_run", "cores"})
    ->ArgsProduct({{1, 16}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The least that the kernel makes of it: as many wake-ups, and orders sent out, with nothing to
/// decide.
void wake_ups(benchmark::State& state) {
  const std::optional<Cores> places = cores(state.range(0));
  if (!places) return state.SkipWithError(too_few_cores);
  constexpr std::size_t count = 10'000;
  double cpu = 0, wall = 0;
  for (auto iteration : state) {
    Doorbell bell{Doorbell::Sleeper::alone};
    NoticeRing notices(1 << 14, bell);
    const WallClock clock;
    Stages stages(places->stages, notices);
    const ThreadPlace place("control", places->control, Turns::prompt);
    const double cpu_before = thread_cpu_s();
    const Instant began = clock.now();
    std::vector<Notice> inbox;
    const auto send = [&stages] {
      FetchOrder order;
      order.blocks.resize(1);
      stages.orders().push(std::move(order));
    };
    for (int posted = 0; posted < window; ++posted) send();
    for (std::size_t seen = 0; seen < count;) {
      bell.arm();
      if (notices.empty()) bell.sleep(Nanoseconds::max());
      bell.disarm();
      inbox.clear();
      notices.drain(inbox);
      seen += inbox.size();
      for (std::size_t i = 0; i < inbox.size(); ++i) send();
    }
    cpu += thread_cpu_s() - cpu_before;
    wall += to_seconds(clock.now() - began).count();
  }
  state.counters["control_share"] = cpu / wall;
  state.counters["us_per_wake_up"] = 1e6 * cpu / static_cast<double>(count * state.iterations());
}
BENCHMARK(wake_ups)->ArgName("cores")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void ring(benchmark::State& state) {
  Doorbell bell{Doorbell::Sleeper::alone};
  NoticeRing notices(1 << 14, bell);
  std::vector<Notice> inbox;
  for (auto iteration : state) {
    Notice notice;
    notice.kind = Notice::Kind::event;
    notices.push(std::move(notice));
    inbox.clear();
    notices.drain(inbox);
    benchmark::DoNotOptimize(inbox.data());
  }
}
BENCHMARK(ring);

}  // namespace
}  // namespace calvo::realrun

BENCHMARK_MAIN();
