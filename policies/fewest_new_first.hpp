#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// SJF by tokens to compute: what an engine that only knows prefill cost calls the shortest job.
class FewestNewFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
