#pragma once

#include <cstdint>
#include <span>

#include "core/units.hpp"

namespace calvo::policies {

/// What the router believes of one instance, for one request.
struct InstanceView {
  std::int64_t outstanding = 0;  ///< requests sent there and not yet ended
  Seconds backlog{0};            ///< estimate: load + compute of those
  Seconds cost{0};               ///< estimate: load + compute of this request there
};

/// Which instance serves a request. A pure function of what it is shown.
class RoutingPolicy {
public:
  virtual ~RoutingPolicy() = default;

  /// Index into `instances`. `sequence` counts the requests routed before this one.
  /// Requires: instances not empty. Ensures: result < instances.size().
  std::size_t choose(std::span<const InstanceView> instances, std::int64_t sequence) const;
  /// Whether `cost` must be filled in: finding an instance's cached prefix takes time.
  virtual bool wants_cost() const { return false; }

private:
  virtual std::size_t do_choose(std::span<const InstanceView> instances,
                                std::int64_t sequence) const = 0;
};

/// In turn, whatever happens.
class RoundRobin final : public RoutingPolicy {
  std::size_t do_choose(std::span<const InstanceView> instances,
                        std::int64_t sequence) const override;
};

/// Fewest requests outstanding; ties go to the first.
class LeastLoaded final : public RoutingPolicy {
  std::size_t do_choose(std::span<const InstanceView> instances,
                        std::int64_t sequence) const override;
};

/// Least backlog + cost of this request there: a cached prefix lowers the cost, so it attracts
/// until the queue in front of it outweighs it. Source: Mooncake (FAST'25) and Preble's trade-off,
/// with loading in the cost.
class CacheAware final : public RoutingPolicy {
public:
  bool wants_cost() const override { return true; }

private:
  std::size_t do_choose(std::span<const InstanceView> instances,
                        std::int64_t sequence) const override;
};

}  // namespace calvo::policies
