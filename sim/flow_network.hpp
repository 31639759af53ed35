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
  std::span<const LinkId> links;
  double bytes = 0;
  double cap = no_cap;      ///< bytes/s, whatever the links would give
  double weight = 1;        ///< share relative to the other flows of a link
  std::uint64_t tag = 0;    ///< handed back on completion
};

/// Told of completions, from the back end's event loop: never from inside start() or another call.
class FlowSink {
public:
  virtual ~FlowSink() = default;
  /// Flow with this tag has moved all its bytes; `now` in seconds. Its FlowId is dead.
  virtual void on_flow_done(std::uint64_t tag, double now) = 0;
};

/// Dates are the back end's clock, seconds as double. Plain doubles stay inside sim/.
class FlowNetwork {
public:
  virtual ~FlowNetwork() = default;

  /// Before the first flow only.
  virtual LinkId add_link(const std::string& name, double capacity) = 0;
  /// Flows may start at any time, also from on_flow_done. Requires: bytes > 0, links not empty.
  virtual FlowId start(const FlowSpec& spec) = 0;
  /// Ends a flow now; no completion follows.
  virtual void cancel(FlowId flow) = 0;
  /// The flow now ends after `total` bytes in all. Requires: total >= moved(flow).
  virtual void resize(FlowId flow, double total) = 0;
  virtual void set_cap(FlowId flow, double cap) = 0;
  virtual void set_capacity(LinkId link, double capacity) = 0;
  /// Bytes moved until now.
  virtual double moved(FlowId flow) = 0;
  /// Current rate, bytes/s.
  virtual double rate(FlowId flow) = 0;
  /// Bytes that the link has carried until now.
  virtual double carried(LinkId link) = 0;
  /// True if caps, weights and set_capacity are honoured exactly.
  virtual bool exact_caps() const = 0;
};

}  // namespace calvo::sim
