#include "realrun/engine/driver.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {

using control::Command;
using control::Event;
using control::EventKind;

namespace {

constexpr Nanoseconds progress_every{100'000'000};
constexpr std::size_t log_piece = std::size_t{1} << 20;

std::atomic<bool> stop_wanted{false};
std::atomic<Doorbell*> running{nullptr};

/// Makes a run's bell reachable for request_stop() while it runs.
class Running {
public:
  explicit Running(Doorbell& bell) { running.store(&bell); }
  ~Running() {
    running.store(nullptr);
    stop_wanted.store(false);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

}  // namespace

void Driver::request_stop() noexcept {
  stop_wanted.store(true);
  if (Doorbell* bell = running.load()) bell->ring();
}

RealrunResult Driver::run() {
  const Running guard(bell_);
  start();
  // After the others, which would inherit it.
  const ThreadPlace place("control", options_.control_core, Turns::prompt);
  const Instant limit = scenario_.simulation.time_limit > Seconds{0}
                            ? Instant{to_nanoseconds(scenario_.simulation.time_limit)}
                            : never;
  bool more = true;
  while (more && !finished()) {
    if (stop_wanted.load() || clock_.now() >= limit) {
      result_.complete = more = false;
    } else if (next_batch()) {
      deliver();
    } else {
      wait();
    }
    show_progress();
  }
  if (!result_.complete) result_.end = now_ = std::max(now_, clock_.now());
  stop();
  return collect();
}

bool Driver::finished() {
  if (requests_.ended() < scheduled_ || in_flight_ > 0 || !touched_.empty() ||
      !router_inbox_.empty()) {
    return false;
  }
  for (const InstanceHost& host : hosts_) {
    if (host.instance.idle_problem().empty()) continue;
    CALVO_ENSURE(!timers_.empty());  // it looks again when one is due
    return false;
  }
  return true;
}

/// Takes all that has come in and all timers that are due, under one date. False: nothing has.
bool Driver::next_batch() {
  batch_.clear();
  batch_.swap(backlog_);
  notices_.drain(batch_);
  now_ = std::max(now_, clock_.now());
  for (const Notice& notice : batch_) take(notice);
  while (!timers_.empty() && timers_.front().at <= now_) {
    std::ranges::pop_heap(timers_, std::greater{});
    const Wake wake = timers_.back();
    timers_.pop_back();
    Event due;
    due.kind = EventKind::timer;
    due.run = wake.run;
    post(wake.host, due);
  }
  return !touched_.empty() || !router_inbox_.empty();
}

void Driver::wait() {
  bell_.arm();
  if (!notices_.empty() || stop_wanted.load()) {
    bell_.disarm();
    return;
  }
  Instant next = timers_.empty() ? never : timers_.front().at;
  if (scenario_.simulation.time_limit > Seconds{0}) {
    next = std::min(next, Instant{to_nanoseconds(scenario_.simulation.time_limit)});
  }
  if (options_.progress) next = std::min(next, next_progress_);
  bell_.sleep(next == never ? Nanoseconds::max() : next - clock_.now());
}

void Driver::take(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::arrival: {
      RequestSpec& spec = requests_.spec(notice.spec->id);
      spec.arrival = now_;
      lateness_.push_back(to_seconds(now_ - notice.due).count());
      requests_.arrived(spec);
      Event arrived;
      arrived.kind = EventKind::arrival;
      arrived.time = now_;
      arrived.spec = &spec;
      router_inbox_.push_back(arrived);
      return;
    }
    case Notice::Kind::rail:
      rail_changed(notice);
      return;
    case Notice::Kind::event:
      take_event(notice);
      return;
    case Notice::Kind::complaint:
      complain(notice.text);
      return;
    case Notice::Kind::failure:
      std::rethrow_exception(notice.failure);
  }
}

void Driver::take_event(const Notice& notice) {
  InstanceHost& host = hosts_[notice.instance];
  switch (notice.event.kind) {
    case EventKind::lookup_done:
      --in_flight_;
      break;
    case EventKind::fetch_done:
      fetched(host, notice);
      break;
    case EventKind::drained:
      drained(host, notice.event.run);
      break;
    case EventKind::copy_done:
      copied(host, notice);
      break;
    case EventKind::store_done:
      stored(host, notice);
      break;
    case EventKind::step_done:
      stepped(host, notice);
      break;
    default:
      CALVO_EXPECT(false);
  }
  post(notice.instance, notice.event);
}

/// A node is down for an instance when none of its rails reaches it.
void Driver::rail_changed(const Notice& notice) {
  InstanceHost& host = hosts_[notice.instance];
  const std::size_t node = raw(notice.event.node);
  const auto up = [&] {
    return std::ranges::any_of(host.rail_up, [&](const auto& rail) { return rail[node]; });
  };
  const bool before = up();
  host.rail_up[notice.rail][node] = notice.event.kind == EventKind::node_up;
  note_loss(notice);
  if (before != up()) post(notice.instance, notice.event);
}

void Driver::note_loss(const Notice& notice) {
  Absence& absence = absences_[raw(notice.event.node)];
  if (notice.event.kind == EventKind::node_up) {
    CALVO_EXPECT(absence.rails > 0);
    if (--absence.rails == 0) absence.of.back = now_;
    return;
  }
  if (absence.rails++ > 0) return;
  LostNode& lost = absence.of;
  if (lost.times++ == 0) {
    lost.node = raw(notice.event.node);
    lost.address = options_.nodes[lost.node].text();
    lost.first = now_;
  }
  lost.back.reset();
}

/// Each text once, though who makes connections meets it again with each attempt.
void Driver::complain(const std::string& text) {
  if (std::ranges::find(complaints_, text) != complaints_.end()) return;
  complaints_.push_back(text);
  if (options_.complain) options_.complain(text);
}

void Driver::post(std::uint32_t host, const Event& event) {
  std::vector<Event>& inbox = hosts_[host].inbox;
  if (inbox.empty()) touched_.push_back(host);
  inbox.push_back(event);
  inbox.back().time = now_;
}

/// Hands each reducer its events as one batch, until none is left: what an instance commands may be
/// over at once.
void Driver::deliver() {
  const auto record = [this](std::uint32_t reducer, std::span<const Event> batch) {
    if (!options_.event_log_sink) return;
    log_.batch(reducer, batch, commands_);
    if (log_.pending() > log_piece) options_.event_log_sink(log_.take());
  };
  while (!router_inbox_.empty() || !touched_.empty()) {
    result_.end = now_;
    if (!router_inbox_.empty()) {
      const std::vector<Event> batch = std::exchange(router_inbox_, {});
      commands_.clear();
      router_.handle(batch, commands_);
      record(control::router_index, batch);
      for (const Command& command : commands_.commands) {
        post(raw(command.instance), requests_.dispatched(command));
      }
    }
    std::vector<std::uint32_t> round = std::exchange(touched_, {});
    std::ranges::sort(round);
    for (const std::uint32_t index : round) {
      InstanceHost& host = hosts_[index];
      const std::vector<Event> batch = std::exchange(host.inbox, {});
      commands_.clear();
      host.instance.handle(batch, commands_);
      record(index, batch);
      share_pages(host);
      execute(index);
      host.gpu_memory.note(now_, host.instance.gpu_blocks_used());
      host.host_memory.note(now_, host.instance.host_blocks_used());
    }
  }
}

void Driver::show_progress() {
  if ((!options_.progress && !metrics_) || now_ < next_progress_) return;
  next_progress_ = now_ + progress_every;
  if (options_.progress) {
    options_.progress(requests_.ended(), requests_.size(), to_seconds(now_ - Instant{}).count());
  }
  if (!metrics_) return;
  Metrics::Sample sample;
  sample.arrived = static_cast<std::int64_t>(lateness_.size());
  sample.ended = requests_.ended();
  sample.in_flight = in_flight_;
  for (const InstanceHost& host : hosts_) {
    sample.gpu_blocks += host.instance.gpu_blocks_used();
    sample.host_blocks += host.instance.host_blocks_used();
    sample.quarantined_blocks += host.instance.host_blocks_quarantined();
    sample.counters += host.instance.counters();
  }
  metrics_->show(sample);
}

}  // namespace calvo::realrun
