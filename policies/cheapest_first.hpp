#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// SJF by cost = T_load + T_comp, in seconds. Source: CALVO (arXiv 2603.21257), mean-TTFT mode.
class CheapestFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
