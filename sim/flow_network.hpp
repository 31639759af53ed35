// Links shared by flows, max-min fair: the one question that the simulator asks of a network.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace calvo::sim {

enum class LinkId : std::uint32_t {};
enum class FlowId : std::uint32_t {};

inline constexpr double no_cap = std::numeric_limits<double>::infinity();

/// `bytes` that cross all of `links` at once at one rate; a link may stand once in the list.
struct FlowSpec {
  std::span<const LinkId> links;  ///< 1 to 12; read during start() only
  double bytes = 0;
  double cap = no_cap;    ///< bytes/s, whatever the links would give
  double weight = 1;      ///< share relative to the other flows of a link
  std::uint64_t tag = 0;  ///< handed back on completion
};

/// Part of a World, which keeps its clock and delivers its completions (sim/world.hpp). Dates are
/// seconds as double; plain doubles stay inside sim/.
class FlowNetwork {
public:
  virtual ~FlowNetwork() = default;

  /// Before World::run() only. Requires: capacity > 0, bytes/s.
  virtual LinkId add_link(const std::string& name, double capacity) = 0;
  /// Says that flows will cross this list of links. Before World::run() only, once or more often
  /// for each list that start() will see: a back end may have to build its routes before the run.
  virtual void declare_route(std::span<const LinkId> links) = 0;
  /// Flows may start at any time, also while events are delivered. Requires: bytes > 0, links not
  /// empty.
  virtual FlowId start(const FlowSpec& spec) = 0;
  /// Ends a flow now; no completion follows. A flow whose completion has been delivered, or stands
  /// in the batch being delivered, is gone: its FlowId is dead.
  virtual void cancel(FlowId flow) = 0;
  /// The flow now ends after `total` bytes in all. Requires: total >= moved(flow).
  virtual void resize(FlowId flow, double total) = 0;
  virtual void set_cap(FlowId flow, double cap) = 0;
  virtual void set_capacity(LinkId link, double capacity) = 0;
  /// Bytes moved until now.
  virtual double moved(FlowId flow) = 0;
  /// Current rate, bytes/s. Back end `simgrid`: the mean since the start, as SimGrid tells no more.
  virtual double rate(FlowId flow) = 0;
  /// Bytes that the link has carried until now.
  virtual double carried(LinkId link) = 0;
  /// True if caps, weights and set_capacity are honoured exactly.
  virtual bool exact_caps() const = 0;
};

}  // namespace calvo::sim
