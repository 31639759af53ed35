#include "policies/registry.hpp"

#include <algorithm>
#include <array>

#include "core/contract.hpp"
#include "policies/bottleneck_first.hpp"
#include "policies/cheapest_first.hpp"
#include "policies/earliest_deadline_first.hpp"
#include "policies/earliest_transfer_deadline_first.hpp"
#include "policies/fewest_cached_first.hpp"
#include "policies/fewest_new_first.hpp"
#include "policies/first_come_first.hpp"
#include "policies/least_slack_first.hpp"

namespace calvo::policies {
namespace {

template <class Policy>
std::unique_ptr<OrderPolicy> order(double ageing) {
  return std::make_unique<Policy>(ageing);
}

// Adding an order: one file, one row here, one test.
constexpr auto order_table = std::to_array<Entry<MakeOrder>>({
    {"fifo", "first come, first served", order<FirstComeFirst>},
    {"sjf_new", "fewest prompt tokens to compute first", order<FewestNewFirst>},
    {"sjf_cached", "fewest prompt tokens to load first", order<FewestCachedFirst>},
    {"sjf_cost", "smallest estimated load + compute time first", order<CheapestFirst>},
    {"sjf_bottleneck", "smallest estimated time on the stage that most work waits for first",
     order<BottleneckFirst>},
    {"edf", "earliest deadline first", order<EarliestDeadlineFirst>},
    {"edf_transfer", "earliest deadline first, less estimated copy and compute",
     order<EarliestTransferDeadlineFirst>},
    {"lstf", "least slack first: deadline - estimated load - estimated compute",
     order<LeastSlackFirst>},
});

template <class Base, class Policy>
std::unique_ptr<Base> plain() {
  return std::make_unique<Policy>();
}

constexpr auto routing_table = std::to_array<Entry<MakeRouting>>({
    {"round_robin", "in turn", plain<RoutingPolicy, RoundRobin>},
    {"least_loaded", "fewest requests outstanding", plain<RoutingPolicy, LeastLoaded>},
    {"cache_aware", "least estimated backlog + cost there, cached prefix counted",
     plain<RoutingPolicy, CacheAware>},
});

// In the order of control::Restore.
constexpr auto restore_table = std::to_array<Entry<MakeRestore>>({
    {"load_all", "load every hit", plain<RestorePolicy, LoadAll>},
    {"recompute_all", "use only what is in GPU memory", plain<RestorePolicy, RecomputeAll>},
    {"cheaper", "load the hits if that is estimated to be quicker than computing them",
     plain<RestorePolicy, CheaperOfBoth>},
    {"soonest", "load as many leading hits as gives the first token soonest, behind what waits",
     plain<RestorePolicy, Soonest>},
});

template <class Table>
const auto& row(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, [](const auto& entry) { return entry.name; });
  CALVO_EXPECT(found != table.end());
  return *found;
}

}  // namespace

std::span<const Entry<MakeOrder>> orders() {
  return order_table;
}
std::span<const Entry<MakeRouting>> routings() {
  return routing_table;
}
std::span<const Entry<MakeRestore>> restores() {
  return restore_table;
}

std::unique_ptr<OrderPolicy> make_order(std::string_view name, double ageing) {
  return row(order_table, name).make(ageing);
}
std::unique_ptr<RoutingPolicy> make_routing(std::string_view name) {
  return row(routing_table, name).make();
}
std::unique_ptr<RestorePolicy> make_restore(std::string_view name) {
  return row(restore_table, name).make();
}

}  // namespace calvo::policies
