// Max-min fair sharing of links by flows, event by event.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/date_heap.hpp"
#include "sim/flow_network.hpp"
#include "sim/min_heap.hpp"

namespace calvo::sim {

/// Weighted max-min fairness with per-flow caps, solved exactly by progressive filling: all flows
/// grow in proportion to their weights until a link is full or a flow reaches its cap, which fixes
/// the flows concerned; the rest grow on. Only the connected component of links and flows around
/// what has changed is solved again, once per date, when somebody asks.
///
/// Cost of an event: O(f log f) for the f flows coupled to it; no allocation after warm-up.
/// Order:   equal completion dates come out by the sequence number given at start().
/// Source:  Bertsekas and Gallager, Data Networks (2nd ed., 1992), section 6.5.2.
class FluidSolver {
public:
  static constexpr std::size_t max_links = 12;  ///< of one flow

  struct Completion {
    std::uint64_t tag;
    std::uint64_t sequence;
  };

  /// Requires: capacity > 0, bytes/s.
  LinkId add_link(double capacity);

  double now() const { return now_; }
  /// Moves the clock; rates decided until now hold for the time in between.
  /// Requires: now >= now(); completions before `now` are popped next.
  void advance(double now);

  /// Requires: 1 to max_links links, none twice; bytes > 0; weight > 0; cap >= 0.
  FlowId start(const FlowSpec& spec, std::uint64_t sequence);
  void cancel(FlowId flow);
  void resize(FlowId flow, double total);
  void set_cap(FlowId flow, double cap);
  /// Requires: capacity >= 0; 0 stops the link's flows.
  void set_capacity(LinkId link, double capacity);

  double moved(FlowId flow) const;
  double rate(FlowId flow);
  double carried(LinkId link) const;
  double capacity(LinkId link) const { return links_[index(link)].capacity; }
  std::size_t flows_in_progress() const { return flows_.size() - free_.size(); }

  /// Date at which the first flow ends if nothing changes; infinity if none ever does.
  double next_completion();
  /// The same, of what the last solution knew: no change since then is taken into account, so that
  /// flows that end together can be popped together.
  double known_completion() const { return heap_.empty() ? no_cap : heap_.top_date(); }
  /// Removes the flow that ends first, as by known_completion(). Requires: there is one.
  Completion pop_completion();

private:
  /// What a solution touches comes first, in one cache line for routes of up to four links.
  struct alignas(64) Flow {
    double rate = 0;
    double left = 0;  ///< bytes at date `since`
    double since = 0;
    double weight = 1;
    double limit = 0;  ///< solve(): rate that cap and links of its own allow
    std::uint32_t stamp = 0;
    std::uint8_t link_count = 0;
    bool fixed = false;
    bool alive = false;
    std::array<std::uint32_t, max_links> links;
    std::array<std::uint32_t, max_links> place;  ///< in the link's list
    double cap = no_cap;
    double total = 0;
    std::uint64_t tag = 0;
    std::uint64_t sequence = 0;
  };
  struct Crossing {
    std::uint32_t flow;
    std::uint32_t slot;  ///< index into Flow::links
  };
  struct Link {
    double left = 0;         ///< solve(): not yet given away
    double weight_left = 0;  ///< solve(): of flows not yet fixed
    std::uint32_t unfixed = 0;
    std::uint32_t stamp = 0;
    std::vector<Crossing> flows;
    double capacity = 0;
    double carried = 0;  ///< by flows that have ended
  };
  struct Level {
    double rate;         ///< per weight
    std::uint32_t item;  ///< link, or links + flow
  };
  struct Lower {
    bool operator()(const Level& a, const Level& b) const {
      return a.rate != b.rate ? a.rate < b.rate : a.item < b.item;
    }
  };

  static std::uint32_t index(LinkId link) { return static_cast<std::uint32_t>(link); }
  Flow& at(FlowId flow);
  const Flow& at(FlowId flow) const;
  double left_now(const Flow& flow) const;
  void settle(Flow& flow);
  double end_of(const Flow& flow) const;
  void remove(std::uint32_t slot);
  void mark_dirty(std::uint32_t link) { dirty_.push_back(link); }

  void solve();
  void collect_component();
  void collect_flow(std::uint32_t slot);
  void fill();
  void fix(std::uint32_t slot, double rate);
  void set_rate(std::uint32_t slot, double rate);

  double now_ = 0;
  std::uint32_t stamp_ = 0;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_;
  std::vector<Link> links_;
  DateHeap heap_;
  std::vector<std::uint32_t> dirty_;  ///< links
  std::vector<std::uint32_t> component_links_;
  std::size_t unfixed_ = 0;       ///< flows of the component without a rate yet
  MinHeap<Level, Lower> levels_;  ///< entries of links may be stale: too low
};

}  // namespace calvo::sim
