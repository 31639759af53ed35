#include "sim/world.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "sim/fluid_world.hpp"
#include "sim/simgrid_port.hpp"

namespace calvo::sim {

std::unique_ptr<World> World::create(WorldKind kind) {
  switch (kind) {
    case WorldKind::fluid:
      return make_simgrid_fluid_world();
    case WorldKind::simgrid:
      return make_simgrid_comm_world();
    case WorldKind::pure:
      break;
  }
  return std::make_unique<PureWorld>();
}

void World::at(Instant date, const TimerEvent& event) {
  CALVO_EXPECT(date >= date_);
  const bool earlier = date < queue_.next_date();
  queue_.push(date, sequence_.next(), event);
  if (earlier) on_earlier_timer();
}

void World::run(WorldHandler& handler) {
  CALVO_EXPECT(handler_ == nullptr);
  handler_ = &handler;
  do_run();
}

bool World::must_stop() {
  if (stop_requested_.load(std::memory_order_relaxed)) stopped_ = true;
  return stopped_;
}

void World::deliver(Instant date) {
  date_ = date;
  while (queue_.next_date() <= date) {
    const EventQueue::Entry due = queue_.pop();
    batch_.push_back({.source = WorldEvent::Source::timer,
                      .sequence = due.sequence,
                      .timer = due.event,
                      .tag = 0});
  }
  std::sort(batch_.begin(), batch_.end(),
            [](const WorldEvent& a, const WorldEvent& b) { return a.sequence < b.sequence; });
  handler_->on_events(date, batch_);
  batch_.clear();
}

}  // namespace calvo::sim
