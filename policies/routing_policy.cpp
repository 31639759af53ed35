#include "policies/routing_policy.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::policies {
namespace {

/// Index of the instance with the smallest `value`; ties go to the first.
template <class Value>
std::size_t least(std::span<const InstanceView> instances, Value value) {
  const auto best = std::ranges::min_element(instances, {}, value);
  return static_cast<std::size_t>(best - instances.begin());
}

}  // namespace

std::size_t RoutingPolicy::choose(std::span<const InstanceView> instances,
                                  std::int64_t sequence) const {
  CALVO_EXPECT(!instances.empty());
  const std::size_t chosen = do_choose(instances, sequence);
  CALVO_ENSURE(chosen < instances.size());
  return chosen;
}

std::size_t RoundRobin::do_choose(std::span<const InstanceView> instances,
                                  std::int64_t sequence) const {
  return static_cast<std::size_t>(sequence) % instances.size();
}

std::size_t LeastLoaded::do_choose(std::span<const InstanceView> instances, std::int64_t) const {
  return least(instances, &InstanceView::outstanding);
}

std::size_t CacheAware::do_choose(std::span<const InstanceView> instances, std::int64_t) const {
  return least(instances,
               [](const InstanceView& view) { return (view.backlog + view.cost).count(); });
}

}  // namespace calvo::policies
