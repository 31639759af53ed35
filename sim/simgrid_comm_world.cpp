#include <algorithm>
#include <cmath>
#include <map>

#include "core/contract.hpp"
#include "sim/simgrid_engine.hpp"
#include "sim/simgrid_port.hpp"

namespace calvo::sim {
namespace {

namespace s4u = simgrid::s4u;
using simgrid::kernel::timer::Timer;

/// SimGrid runs timers before it tells of communications that ended at the same date, and ends what
/// is at most a nanosecond off (its default precision) together with it. So a date is delivered
/// this short a while after it, when all its ends are known; the double must show the difference.
double just_after(double date) {
  return date + std::max(1e-11, date * 1e-15);
}

/// Flows as communications that maestro starts. Each list of links is the way up of a host of its
/// own in a star zone whose other end is one sink without links, so that a flow crosses exactly its
/// list. All latencies are 0: with others CM02 would not share fairly.
class CommNetwork final : public FlowNetwork {
public:
  explicit CommNetwork(SequenceCounter& sequence) : sequence_(sequence) {
    zone_ = s4u::create_star_zone("calvo");
    sink_ = add_host("sink", {});
    s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) { on_end(activity); });
    s4u::Engine::on_time_advance_cb([this](double) { graveyard_.clear(); });
  }

  void seal() { zone_->seal(); }

  LinkId add_link(const std::string& name, double capacity) override {
    CALVO_EXPECT(capacity > 0);
    s4u::Link* link = zone_->create_link(name, capacity);
    link->seal();
    links_.push_back({link, capacity, 0});
    return LinkId{static_cast<std::uint32_t>(links_.size() - 1)};
  }

  void declare_route(std::span<const LinkId> links) override {
    CALVO_EXPECT(!links.empty());
    const std::vector<LinkId> key(links.begin(), links.end());
    if (routes_.contains(key)) return;
    std::vector<s4u::LinkInRoute> up;
    for (const LinkId link : links) up.emplace_back(at(link).link);
    routes_[key] = add_host("route" + std::to_string(routes_.size()), up);
  }

  FlowId start(const FlowSpec& spec) override {
    CALVO_EXPECT(spec.bytes > 0 && spec.cap > 0 && spec.weight == 1);
    key_.assign(spec.links.begin(), spec.links.end());
    const auto route = routes_.find(key_);
    CALVO_EXPECT(route != routes_.end());
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(flows_.size());
      flows_.push_back(std::make_unique<Flow>());
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Flow& flow = *flows_[slot];
    flow.slot = slot;
    flow.route = &*route;
    flow.total = spec.bytes;
    flow.started = s4u::Engine::get_clock();
    flow.before = 0;
    flow.cap = spec.cap;
    flow.tag = spec.tag;
    flow.sequence = sequence_.next();
    launch(flow);
    return FlowId{slot};
  }

  void cancel(FlowId id) override {
    Flow& flow = at(id);
    withdraw(flow);
    release(flow);
  }

  void resize(FlowId id, double total) override {
    Flow& flow = at(id);
    withdraw(flow);
    CALVO_EXPECT(total >= flow.before * (1 - 1e-9));
    flow.total = std::max(total, flow.before);
    launch(flow);
  }

  void set_cap(FlowId id, double cap) override {
    Flow& flow = at(id);
    CALVO_EXPECT(cap > 0);
    if (flow.cap == cap) return;
    withdraw(flow);
    flow.cap = cap;
    launch(flow);
  }

  // SimGrid bounds a flow by its links' capacities at its start: flows under way start again.
  void set_capacity(LinkId id, double capacity) override {
    CALVO_EXPECT(capacity > 0);
    std::vector<Flow*> crossing;
    for (const auto& flow : flows_) {
      if (flow->comm && crosses(*flow, id)) crossing.push_back(flow.get());
    }
    for (Flow* flow : crossing) withdraw(*flow);
    at(id).capacity = capacity;
    at(id).link->set_bandwidth(capacity);
    for (Flow* flow : crossing) launch(*flow);
  }

  double moved(FlowId id) override { return moved(at(id)); }

  double rate(FlowId id) override {
    const Flow& flow = at(id);
    const double elapsed = s4u::Engine::get_clock() - flow.started;
    return elapsed > 0 ? moved(flow) / elapsed : narrowest(flow) / flow.inflation;
  }

  double carried(LinkId id) override {
    double bytes = at(id).carried;
    for (const auto& flow : flows_) {
      if (flow->comm && crosses(*flow, id)) bytes += moved(*flow);
    }
    return bytes;
  }

  bool exact_caps() const override { return false; }

  /// Ends that have been seen and not been delivered, earliest last.
  struct End {
    Instant date;
    std::uint64_t sequence;
    std::uint64_t tag;
  };
  std::function<void(Instant)> on_first_end;  ///< there is an undelivered end, the first

  Instant next_end() const { return ends_.empty() ? never : ends_.front().date; }

  void collect(Instant date, std::vector<WorldEvent>& batch) {
    const auto due =
        std::partition(ends_.begin(), ends_.end(), [&](const End& end) { return end.date > date; });
    for (auto end = due; end != ends_.end(); ++end) {
      batch.push_back({.source = WorldEvent::Source::flow,
                       .sequence = end->sequence,
                       .timer = {},
                       .tag = end->tag});
    }
    ends_.erase(due, ends_.end());
  }

private:
  struct Link {
    s4u::Link* link;
    double capacity;
    double carried;  ///< by flows that have ended
  };
  using Routes = std::map<std::vector<LinkId>, s4u::Host*>;
  struct Flow {
    s4u::CommPtr comm;  ///< null: the flow is over, or its slot free
    std::uint32_t slot = 0;
    const Routes::value_type* route = nullptr;
    double total = 0;
    double started = 0;  ///< SimGrid's clock
    double before = 0;   ///< bytes moved by communications withdrawn
    double cap = no_cap;
    double inflation = 1;       ///< bytes that SimGrid sees per byte of ours
    std::uint64_t payload = 0;  ///< that SimGrid was given
    std::uint64_t tag = 0;
    std::uint64_t sequence = 0;
  };

  s4u::Host* add_host(const std::string& name, const std::vector<s4u::LinkInRoute>& up) {
    s4u::Host* host = zone_->create_host(name, 1e9);
    zone_->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, up, false);
    zone_->add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {}, false);
    host->seal();
    return host;
  }

  Link& at(LinkId link) {
    CALVO_EXPECT(static_cast<std::size_t>(link) < links_.size());
    return links_[static_cast<std::size_t>(link)];
  }
  Flow& at(FlowId id) {
    const auto slot = static_cast<std::size_t>(id);
    CALVO_EXPECT(slot < flows_.size() && flows_[slot]->comm);
    return *flows_[slot];
  }

  static bool crosses(const Flow& flow, LinkId link) {
    const std::vector<LinkId>& links = flow.route->first;
    return std::find(links.begin(), links.end(), link) != links.end();
  }

  double narrowest(const Flow& flow) {
    double capacity = no_cap;
    for (const LinkId link : flow.route->first) capacity = std::min(capacity, at(link).capacity);
    return capacity;
  }

  // No caps in s4u 3.32: a capped flow moves so many more bytes that alone it takes as long.
  void launch(Flow& flow) {
    flow.inflation = std::max(1.0, narrowest(flow) / flow.cap);
    const double bytes = std::ceil((flow.total - flow.before) * flow.inflation - 0.5);
    flow.payload = static_cast<std::uint64_t>(std::max(1.0, bytes));
    flow.comm = s4u::Comm::sendto_init();
    flow.comm->set_payload_size(flow.payload);
    flow.comm->set_data(&flow);
    flow.comm->set_source(flow.route->second);
    flow.comm->set_destination(sink_);  // starts it
  }

  // SimGrid signals a cancelled communication too, twice; by then it has lost its flow.
  void withdraw(Flow& flow) {
    flow.before = moved(flow);
    const s4u::CommPtr comm = std::move(flow.comm);
    flow.comm = nullptr;
    comm->set_data(nullptr);
    graveyard_.push_back(comm);
    comm->cancel();
  }

  double moved(const Flow& flow) const {
    const double left = flow.comm->get_remaining() / static_cast<double>(flow.payload);
    return flow.before + (flow.total - flow.before) * std::clamp(1 - left, 0.0, 1.0);
  }

  void release(Flow& flow) {
    for (const LinkId link : flow.route->first) at(link).carried += flow.before;
    free_.push_back(flow.slot);
  }

  void on_end(const s4u::Activity& activity) {
    auto* flow = activity.get_data<Flow>();
    if (flow == nullptr || activity.get_state() != s4u::Activity::State::FINISHED) return;
    graveyard_.push_back(std::move(flow->comm));  // it must outlive this callback
    flow->comm = nullptr;
    flow->before = flow->total;
    const bool first = ends_.empty();
    ends_.push_back({instant_at(s4u::Engine::get_clock()), flow->sequence, flow->tag});
    release(*flow);
    if (first) on_first_end(ends_.front().date);
  }

  SequenceCounter& sequence_;
  s4u::NetZone* zone_ = nullptr;
  s4u::Host* sink_ = nullptr;
  std::vector<Link> links_;
  Routes routes_;
  std::vector<LinkId> key_;
  std::vector<std::unique_ptr<Flow>> flows_;  ///< by slot; addresses are SimGrid's user data
  std::vector<std::uint32_t> free_;
  std::vector<End> ends_;                ///< dates never fall
  std::vector<s4u::CommPtr> graveyard_;  ///< ended; SimGrid may still touch them at this date
};

/// Our timers and the delivery of flows' ends behind one SimGrid timer, armed for the next date.
class SimGridCommWorld final : public World {
public:
  SimGridCommWorld() : network_(sequence_) {
    network_.on_first_end = [this](Instant) { arm(); };
  }
  FlowNetwork& network() override { return network_; }

private:
  void do_run() override {
    network_.seal();
    arm();
    engine_->run();
  }

  void on_earlier_timer() override {
    if (!delivering_) arm();
  }

  void arm() {
    if (delivering_) return;
    const Instant next = must_stop() ? never : std::min(queue_.next_date(), network_.next_end());
    if (next == armed_) return;
    if (timer_ != nullptr) timer_->remove();
    timer_ = nullptr;
    armed_ = next;
    if (next == never) return;
    const double date = std::max(seconds_of(next), s4u::Engine::get_clock());
    timer_ = Timer::set(
        date, [this, date] { timer_ = Timer::set(just_after(date), [this] { fire(); }); });
  }

  void fire() {
    timer_ = nullptr;
    const Instant date = std::max(armed_, this->date());
    armed_ = never;
    delivering_ = true;
    network_.collect(date, batch_);
    deliver(date);
    delivering_ = false;
    arm();
  }

  SimGridEngine engine_;
  CommNetwork network_;
  Timer* timer_ = nullptr;
  Instant armed_ = never;
  bool delivering_ = false;
};

}  // namespace

std::unique_ptr<World> make_simgrid_comm_world() {
  return std::make_unique<SimGridCommWorld>();
}

}  // namespace calvo::sim
