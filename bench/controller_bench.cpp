// What a decision costs: the control plane of one instance with a thousand requests waiting.
// Target: below 2 us an event (counter `per_million_events`: below 2 s), so that it does not limit
// a real engine and a simulated one handles 20,000 requests a second.
//
// A run of the engine is recorded once, with a driver that is a handful of queues; the benchmark
// replays its batches through fresh instances, so that nothing but the controller is measured. Each
// request has 40 K tokens of history, half of it in sessions seen before, and 500 new tokens.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "control/instance.hpp"
#include "core/random.hpp"

namespace calvo::control {
namespace {

constexpr std::int64_t block_tokens = 256;
constexpr std::int64_t total_requests = 4000;

struct LineCost final : models::CostModel {
  Seconds load(const models::Work& work) const override {
    return Seconds{3e-6 * static_cast<double>((work.remote + work.host).count())};
  }
  Seconds compute(const models::Work& work) const override {
    return Seconds{30e-6 * static_cast<double>(work.compute.count())};
  }
};

struct Recording {
  EngineConfig engine;
  InstanceResources resources;
  std::deque<RequestSpec> specs;
  std::vector<Event> events;
  std::vector<std::size_t> batch_ends;  ///< into `events`
  double waiting = 0;                   ///< mean number of unfinished requests
};

/// Serves an instance until all requests have ended; keeps `crowd` of them there.
class Recorder {
public:
  Recorder(Recording& recording, std::int64_t crowd)
      : recording_(recording),
        crowd_(crowd),
        instance_(recording.engine, recording.resources, estimates_) {}

  void run() {
    while (static_cast<std::int64_t>(arrived_) < crowd_) arrive();
    double sum = 0;
    std::size_t counted = 0;
    while (!due_.empty()) {
      const Instant now = due_.top().event.time;
      batch_.clear();
      while (!due_.empty() && due_.top().event.time == now) {
        batch_.push_back(due_.top().event);
        due_.pop();
      }
      std::erase_if(batch_, [this](const Event& event) {  // of a step that was cut before
        if (event.kind != EventKind::step_done) return false;
        const bool stale = event.run != step_;
        if (!stale) step_ = RunId{};
        return stale;
      });
      if (batch_.empty()) continue;
      out_.clear();
      now_ = now;
      instance_.handle(batch_, out_);
      recording_.events.insert(recording_.events.end(), batch_.begin(), batch_.end());
      recording_.batch_ends.push_back(recording_.events.size());
      for (const Command& command : out_.commands) carry_out(command);
      sum += static_cast<double>(instance_.unfinished());
      ++counted;
    }
    recording_.waiting = sum / static_cast<double>(counted);
  }

private:
  struct Later {
    Event event;
    std::uint64_t sequence = 0;
    bool operator<(const Later& other) const {
      return event.time != other.event.time ? event.time > other.event.time
                                            : sequence > other.sequence;
    }
  };

  void tell(Event event, Instant at) {
    event.time = std::max(at, now_);
    due_.push({event, sequence_++});
  }
  void arrive() {
    if (arrived_ == recording_.specs.size()) return;
    RequestSpec& spec = recording_.specs[arrived_++];
    spec.arrival = now_ + Nanoseconds{1000};
    Event event{};
    event.kind = EventKind::arrival;
    event.spec = &spec;
    tell(event, spec.arrival);
  }
  Instant over(Instant& link, std::int64_t blocks, std::int64_t block_ns) {
    link = std::max(link, now_) + Nanoseconds{blocks * block_ns};
    return link;
  }
  void carry_out(const Command& command) {
    Event event{};
    event.run = command.run;
    event.request = command.request;
    event.blocks = command.to - command.from;
    switch (command.kind) {
      case CommandKind::lookup:
        event.kind = EventKind::lookup_done;
        event.blocks = command.to;
        tell(event, now_ + Nanoseconds{20'000});
        break;
      case CommandKind::fetch:
        event.kind = EventKind::fetch_done;
        tell(event, fetched_[raw(command.run)] = over(nic_, event.blocks, 700'000));
        break;
      case CommandKind::copy_in: {
        event.kind = EventKind::copy_done;
        Instant end = over(pcie_, event.blocks, 400'000);
        if (raw(command.after) != 0) {
          end = std::max(end, fetched_.at(raw(command.after)) + Nanoseconds{400'000});
        }
        tell(event, end);
        break;
      }
      case CommandKind::copy_out:
      case CommandKind::store:
        event.kind = EventKind::store_done;
        event.blocks = command.blocks.count;
        tell(event, over(back_, event.blocks, 500'000));
        break;
      case CommandKind::run_step: {
        event.kind = EventKind::step_done;
        event.iterations = command.iterations;
        step_ = command.run;
        iteration_ = Nanoseconds{command.parts > 0 ? 15'000'000 : 8'000'000};
        step_begin_ = now_;
        tell(event, now_ + command.iterations * iteration_);
        break;
      }
      case CommandKind::cut_step: {
        event.kind = EventKind::step_done;
        event.iterations = (now_ - step_begin_) / iteration_ + 1;
        tell(event, step_begin_ + event.iterations * iteration_);
        break;
      }
      case CommandKind::finish:
      case CommandKind::reject:
        arrive();
        break;
      default:
        break;  // a cut run may as well land whole
    }
  }

  Recording& recording_;
  std::int64_t crowd_;
  LineCost estimates_;
  Instance instance_;
  std::priority_queue<Later> due_;
  std::uint64_t sequence_ = 0;
  std::size_t arrived_ = 0;
  std::vector<Event> batch_;
  CommandBuffer out_;
  std::map<std::uint64_t, Instant> fetched_;
  Instant now_{}, nic_{}, pcie_{}, back_{}, step_begin_{};
  Nanoseconds iteration_{1};
  RunId step_{};
};

Recording record(const std::string& order, Late late, std::int64_t crowd) {
  Recording recording;
  EngineConfig& engine = recording.engine;
  engine.network_order.policy = engine.pcie_order.policy = engine.prefill_order.policy = order;
  engine.late = late;
  engine.concurrent_prefills = 4;
  InstanceResources& resources = recording.resources;
  resources.block_tokens = Tokens{block_tokens};
  resources.block_bytes = Bytes{32LL << 20};
  resources.gpu_blocks = 2'000;
  resources.host_blocks = 20'000;
  resources.storage_nodes = 4;
  Random random(1);
  std::uint64_t next = 0;
  std::vector<BlockRun> sessions;
  for (std::int64_t i = 0; i < total_requests; ++i) {
    RequestSpec& spec = recording.specs.emplace_back();
    spec.id = RequestId{static_cast<std::uint64_t>(i)};
    spec.session = SessionId{static_cast<std::uint64_t>(i)};
    BlockRun history;
    if (!sessions.empty() && random.below(2) == 0) {
      history = sessions[random.below(sessions.size())];
    } else {
      history = {BlockId{next}, 60 + static_cast<std::int32_t>(random.below(200))};
      next += static_cast<std::uint64_t>(history.count);
      sessions.push_back(history);
    }
    spec.input =
        Tokens{history.count * block_tokens + 300 + static_cast<std::int64_t>(random.below(400))};
    spec.output = Tokens{2 + static_cast<std::int64_t>(random.below(60))};
    const auto blocks =
        static_cast<std::int32_t>((spec.input + spec.output).count() / block_tokens);
    spec.blocks = {history};
    if (blocks > history.count) {
      spec.blocks.push_back({BlockId{next}, blocks - history.count});
      next += static_cast<std::uint64_t>(blocks - history.count);
    }
    spec.prompt_blocks = static_cast<std::int32_t>(spec.input.count() / block_tokens);
    spec.deadline = Nanoseconds{static_cast<std::int64_t>(1e9 * (1 + 9 * random.uniform()))};
  }
  Recorder(recording, crowd).run();
  return recording;
}

void handle_events(benchmark::State& state, const std::string& order, Late late = Late::in_order) {
  const Recording recording = record(order, late, state.range(0));
  const LineCost estimates;
  CommandBuffer out;
  std::size_t commands = 0;
  for (auto _ : state) {
    Instance instance(recording.engine, recording.resources, estimates);
    std::size_t begin = 0;
    commands = 0;
    for (const std::size_t end : recording.batch_ends) {
      out.clear();
      instance.handle({recording.events.data() + begin, end - begin}, out);
      commands += out.commands.size();
      begin = end;
    }
    benchmark::DoNotOptimize(instance.counters().commands);
  }
  const auto events = static_cast<double>(recording.events.size());
  state.counters["per_million_events"] = benchmark::Counter(
      events * 1e-6, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["events_per_request"] = events / static_cast<double>(total_requests);
  state.counters["commands_per_event"] = static_cast<double>(commands) / events;
  state.counters["waiting"] = recording.waiting;
}

BENCHMARK_CAPTURE(handle_events, fifo, std::string("fifo"))
    ->Arg(10)
    ->Arg(1000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(handle_events, sjf_cost, std::string("sjf_cost"))
    ->Arg(10)
    ->Arg(1000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(handle_events, lstf, std::string("lstf"))
    ->Arg(10)
    ->Arg(1000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(handle_events, lstf_late_last, std::string("lstf"), Late::last)
    ->Arg(10)
    ->Arg(1000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace calvo::control

BENCHMARK_MAIN();
