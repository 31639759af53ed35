#include "control/event_log.hpp"

#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include <xxhash.h>

#include "control/instance.hpp"
#include "control/router.hpp"
#include "core/input_error.hpp"

namespace calvo::control {
namespace {

constexpr std::uint64_t magic = 0x31676f6c6f766c63ULL;  // "clvolog1"
enum class Record : std::uint8_t { spec = 1, batch = 2 };

template <class T>
void put(std::vector<std::byte>& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

class Cursor {
public:
  Cursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  bool at_end() const { return at_ == bytes_.size(); }
  template <class T>
  T get() {
    if (bytes_.size() - at_ < sizeof(T)) fail("ends inside a record (cut short?)");
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError({file_, 1, static_cast<int>(at_) + 1}, "event log", problem);
  }
  std::size_t left() const { return bytes_.size() - at_; }

private:
  std::span<const std::byte> bytes_;
  std::string file_;
  std::size_t at_ = 0;
};

void put_event(std::vector<std::byte>& out, const Event& event) {
  put(out, event.kind);
  put(out, event.status);
  put(out, event.time.time_since_epoch().count());
  put(out, event.spec != nullptr ? raw(event.spec->id) : raw(event.request));
  put(out, raw(event.run));
  put(out, event.iterations);
  put(out, event.blocks);
  put(out, raw(event.node));
}

Event get_event(Cursor& in, const std::deque<RequestSpec>& specs,
                const std::vector<std::int64_t>& index) {
  Event event;
  event.kind = in.get<EventKind>();
  event.status = in.get<TransferStatus>();
  event.time = Instant{Nanoseconds{in.get<std::int64_t>()}};
  event.request = RequestId{in.get<std::uint64_t>()};
  event.run = RunId{in.get<std::uint64_t>()};
  event.iterations = in.get<std::int64_t>();
  event.blocks = in.get<std::int32_t>();
  event.node = StorageId{in.get<std::uint32_t>()};
  if (event.kind > EventKind::finished || event.status > TransferStatus::cut) {
    in.fail("unknown kind of event");
  }
  if (event.kind == EventKind::arrival) {
    if (raw(event.request) >= index.size() || index[raw(event.request)] < 0) {
      in.fail("an arrival of a request that was not described");
    }
    event.spec = &specs[static_cast<std::size_t>(index[raw(event.request)])];
  }
  return event;
}

RequestSpec get_spec(Cursor& in) {
  RequestSpec spec;
  spec.id = RequestId{in.get<std::uint64_t>()};
  spec.session = SessionId{in.get<std::uint64_t>()};
  spec.turn = in.get<std::int32_t>();
  spec.arrival = Instant{Nanoseconds{in.get<std::int64_t>()}};
  spec.input = Tokens{in.get<std::int64_t>()};
  spec.output = Tokens{in.get<std::int64_t>()};
  spec.prompt_blocks = in.get<std::int32_t>();
  spec.pool_hit_blocks = in.get<std::int32_t>();
  spec.isolated_ttft = Nanoseconds{in.get<std::int64_t>()};
  spec.deadline = Nanoseconds{in.get<std::int64_t>()};
  const auto runs = in.get<std::uint32_t>();
  if (in.left() / 12 < runs) in.fail("ends inside a record (cut short?)");
  for (std::uint32_t i = 0; i < runs; ++i) {
    const BlockId first{in.get<std::uint64_t>()};
    spec.blocks.push_back({first, in.get<std::int32_t>()});
  }
  return spec;
}

}  // namespace

std::uint64_t digest(const CommandBuffer& commands) {
  thread_local std::vector<std::byte> bytes;
  bytes.clear();
  for (const Command& command : commands.commands) {
    put(bytes, command.kind);
    put(bytes, command.gate);
    put(bytes, command.reason);
    put(bytes, command.layer_major);
    put(bytes, raw(command.instance));
    put(bytes, raw(command.node));
    put(bytes, raw(command.request));
    put(bytes, raw(command.run));
    put(bytes, raw(command.after));
    put(bytes, raw(command.blocks.first));
    put(bytes, command.blocks.count);
    put(bytes, command.from);
    put(bytes, command.to);
    put(bytes, command.iterations);
    put(bytes, command.decode_context.count());
    put(bytes, command.at.time_since_epoch().count());
    put(bytes, command.cached.count());
    put(bytes, command.preemptions);
    for (const Instant date :
         {command.times.arrival, command.times.lookup_done, command.times.load_start,
          command.times.network_done, command.times.loaded, command.times.prefill_start,
          command.times.first_token, command.times.finish}) {
      put(bytes, date.time_since_epoch().count());
    }
    for (const StepPart& part : commands.parts_of(command)) {
      put(bytes, raw(part.request));
      put(bytes, part.tokens.new_tokens.count());
      put(bytes, part.tokens.context.count());
    }
    for (const RequestId decode : commands.decodes_of(command)) {
      put(bytes, raw(decode));
    }
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}

EventLogWriter::EventLogWriter() {
  put(bytes_, magic);
}

void EventLogWriter::spec(const RequestSpec& spec) {
  if (written_.size() <= raw(spec.id)) written_.resize(raw(spec.id) + 1);
  if (written_[raw(spec.id)]) return;
  written_[raw(spec.id)] = true;
  put(bytes_, Record::spec);
  put(bytes_, raw(spec.id));
  put(bytes_, raw(spec.session));
  put(bytes_, spec.turn);
  put(bytes_, spec.arrival.time_since_epoch().count());
  put(bytes_, spec.input.count());
  put(bytes_, spec.output.count());
  put(bytes_, spec.prompt_blocks);
  put(bytes_, spec.pool_hit_blocks);
  put(bytes_, spec.isolated_ttft.count());
  put(bytes_, spec.deadline.count());
  put(bytes_, static_cast<std::uint32_t>(spec.blocks.size()));
  for (const BlockRun& run : spec.blocks) {
    put(bytes_, raw(run.first));
    put(bytes_, run.count);
  }
}

void EventLogWriter::batch(std::uint32_t reducer, std::span<const Event> events,
                           const CommandBuffer& commands) {
  for (const Event& event : events) {
    if (event.spec != nullptr) spec(*event.spec);
  }
  put(bytes_, Record::batch);
  put(bytes_, reducer);
  put(bytes_, static_cast<std::uint32_t>(events.size()));
  for (const Event& event : events) put_event(bytes_, event);
  put(bytes_, digest(commands));
}

std::vector<std::byte> EventLogWriter::take() {
  return std::exchange(bytes_, {});
}

ReplayReport replay(std::span<const std::byte> log, const std::string& file,
                    const EngineConfig& engine, const InstanceResources& resources,
                    std::int32_t instances, std::string_view routing,
                    const models::CostModel& estimates, ReplayWatcher* watcher) {
  Cursor in(log, file);
  if (in.left() < sizeof(magic) || in.get<std::uint64_t>() != magic) {
    in.fail("not an event log of this program");
  }
  std::deque<RequestSpec> specs;
  std::vector<std::int64_t> index;
  Router router(routing, instances, resources, estimates);
  std::vector<std::unique_ptr<Instance>> fresh;
  for (std::int32_t i = 0; i < instances; ++i) {
    fresh.push_back(std::make_unique<Instance>(engine, resources, estimates));
  }
  if (watcher != nullptr) watcher->begin(fresh);
  ReplayReport report;
  CommandBuffer commands;
  std::vector<Event> batch;
  while (!in.at_end()) {
    const auto record = in.get<Record>();
    if (record == Record::spec) {
      RequestSpec spec = get_spec(in);
      if (raw(spec.id) >= (1ULL << 26)) in.fail("a request id beyond the limit of a log");
      if (index.size() <= raw(spec.id)) index.resize(raw(spec.id) + 1, -1);
      index[raw(spec.id)] = static_cast<std::int64_t>(specs.size());
      specs.push_back(std::move(spec));
      continue;
    }
    if (record != Record::batch) in.fail("unknown kind of record");
    const auto reducer = in.get<std::uint32_t>();
    const auto count = in.get<std::uint32_t>();
    if (reducer != router_index && reducer >= fresh.size()) {
      in.fail("a batch of an instance that the scenario does not have");
    }
    batch.clear();
    for (std::uint32_t i = 0; i < count; ++i) batch.push_back(get_event(in, specs, index));
    const auto expected = in.get<std::uint64_t>();
    commands.clear();
    if (reducer == router_index) {
      router.handle(batch, commands);
    } else {
      fresh[reducer]->handle(batch, commands);
    }
    report.events += count;
    if (digest(commands) != expected) {
      report.difference = {report.batches, reducer, batch.empty() ? Instant{} : batch.front().time};
      ++report.batches;
      break;
    }
    ++report.batches;
    if (watcher != nullptr) watcher->batch(reducer, batch, commands);
  }
  return report;
}

}  // namespace calvo::control
