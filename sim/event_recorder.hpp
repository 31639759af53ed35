#pragma once

#include <span>

#include "control/event_log.hpp"
#include "sim/simulate.hpp"

namespace calvo::sim {

/// Hands the event log on in pieces of about 1 MiB; does nothing without a sink.
class EventRecorder {
public:
  explicit EventRecorder(const SimulateOptions& options) : sink_(options.event_log_sink) {}

  void batch(std::uint32_t reducer, std::span<const control::Event> events,
             const control::CommandBuffer& commands) {
    if (!sink_) return;
    writer_.batch(reducer, events, commands);
    if (writer_.pending() > (std::size_t{1} << 20)) sink_(writer_.take());
  }
  void finish() {
    if (sink_) sink_(writer_.take());
  }

private:
  const std::function<void(std::span<const std::byte>)>& sink_;
  control::EventLogWriter writer_;
};

}  // namespace calvo::sim
