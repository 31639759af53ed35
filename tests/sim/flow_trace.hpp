// A script of flows with fixed dates, and what a world makes of it.
#pragma once

#include <span>
#include <vector>

#include "sim/world.hpp"

namespace calvo::sim {

struct TraceFlow {
  Instant start{};
  std::vector<LinkId> links;
  double bytes = 0;
};

/// What is done to a flow (or to a link) at a date, whatever the world.
struct TraceChange {
  enum class Kind { cancel, resize, set_capacity };
  Kind kind{};
  Instant date{};
  std::size_t flow = 0;
  LinkId link{};
  double value = 0;  ///< resize: bytes beyond those moved; set_capacity: bytes/s
};

/// Plays flows and changes; a change of a flow that is over does nothing.
class TracePlayer final : public WorldHandler {
public:
  TracePlayer(World& world, std::span<const TraceFlow> flows,
              std::span<const TraceChange> changes = {})
      : world_(world),
        flows_(flows),
        changes_(changes),
        ids_(flows.size()),
        running_(flows.size(), false),
        dates_(flows.size(), -1) {}

  /// Links must have been added. Dates in seconds by flow, -1: cancelled.
  std::vector<double> play() {
    for (const TraceFlow& flow : flows_) world_.network().declare_route(flow.links);
    for (std::size_t i = 0; i < flows_.size(); ++i)
      world_.at(flows_[i].start, {.kind = 0, .id = i});
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      world_.at(changes_[i].date, {.kind = 1, .id = i});
    }
    world_.run(*this);
    return dates_;
  }

  void on_events(Instant date, std::span<const WorldEvent> events) override {
    for (const WorldEvent& event : events) {
      if (event.source != WorldEvent::Source::flow) continue;
      dates_[event.tag] = seconds_of(date);
      running_[event.tag] = false;
    }
    for (const WorldEvent& event : events) {
      if (event.source != WorldEvent::Source::timer) continue;
      if (event.timer.kind == 0) {
        const TraceFlow& flow = flows_[event.timer.id];
        ids_[event.timer.id] = world_.network().start(
            {.links = flow.links, .bytes = flow.bytes, .tag = event.timer.id});
        running_[event.timer.id] = true;
      } else {
        change(changes_[event.timer.id]);
      }
    }
  }

private:
  void change(const TraceChange& change) {
    FlowNetwork& network = world_.network();
    if (change.kind == TraceChange::Kind::set_capacity) {
      network.set_capacity(change.link, change.value);
    } else if (running_[change.flow]) {
      const FlowId id = ids_[change.flow];
      if (change.kind == TraceChange::Kind::cancel) {
        network.cancel(id);
        running_[change.flow] = false;
      } else {
        network.resize(id, network.moved(id) + change.value);
      }
    }
  }

  World& world_;
  std::span<const TraceFlow> flows_;
  std::span<const TraceChange> changes_;
  std::vector<FlowId> ids_;
  std::vector<bool> running_;
  std::vector<double> dates_;
};

}  // namespace calvo::sim
