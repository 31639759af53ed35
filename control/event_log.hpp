// The record of a run that decision parity is tested with: every batch that a reducer was given,
// and a digest of the commands that it answered with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/commands.hpp"
#include "control/engine_config.hpp"
#include "control/events.hpp"
#include "control/instance.hpp"
#include "models/cost_model.hpp"

namespace calvo::control {

/// The router is `router_index`, instance i is i.
inline constexpr std::uint32_t router_index = 0xffffffffU;

/// XXH3 of every field of every command, in order.
std::uint64_t digest(const CommandBuffer& commands);

/// Encodes batches as bytes, little endian, to be taken piece by piece. A request's specification
/// stands in front of the first batch that has its arrival, so that the log needs no workload.
class EventLogWriter {
public:
  EventLogWriter();
  void batch(std::uint32_t reducer, std::span<const Event> events, const CommandBuffer& commands);
  /// What has been encoded since the last call.
  std::vector<std::byte> take();
  std::size_t pending() const { return bytes_.size(); }

private:
  void spec(const RequestSpec& spec);

  std::vector<std::byte> bytes_;
  std::vector<bool> written_;  ///< by request id
};

/// The first batch that was answered otherwise than in the log.
struct ReplayDifference {
  std::int64_t batch = 0;  ///< its index
  std::uint32_t reducer = 0;
  Instant date{};
};

struct ReplayReport {
  std::int64_t batches = 0;  ///< of the log, up to and with the first that differs
  std::int64_t events = 0;
  std::optional<ReplayDifference> difference;
};

/// Told of each batch of a replay after it has been answered as in the log.
class ReplayWatcher {
public:
  virtual ~ReplayWatcher() = default;
  /// Before the first batch: the reducers that will be fed, by number. They live as long as the
  /// replay.
  virtual void begin(std::span<const std::unique_ptr<Instance>> instances) = 0;
  /// Specifications of events live as long as the replay.
  virtual void batch(std::uint32_t reducer, std::span<const Event> events,
                     const CommandBuffer& commands) = 0;
};

/// Feeds a log to fresh reducers and compares what they command, up to the first difference: what
/// follows answers commands that these reducers have not given. Throws InputError, naming `file`
/// and the byte offset as column, if the log is not one or ends inside a record.
ReplayReport replay(std::span<const std::byte> log, const std::string& file,
                    const EngineConfig& engine, const InstanceResources& resources,
                    std::int32_t instances, std::string_view routing,
                    const models::CostModel& estimates, ReplayWatcher* watcher = nullptr);

}  // namespace calvo::control
