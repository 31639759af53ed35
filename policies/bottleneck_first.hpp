#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// SJF by the time on the bottleneck alone, in seconds: of network, PCIe and GPU the one that the
/// requests of the moment have most work for. Where stages overlap, only that one is scarce, and
/// the sum of all (sjf_cost) charges requests for stages that idle. Ours; for one job that must
/// wait for the slowest of several machines it is the rule of bottleneck scheduling in flow shops.
class BottleneckFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;
  bool wants_stages() const override { return true; }

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
