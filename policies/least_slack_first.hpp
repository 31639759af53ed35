#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// LSTF: by the latest date at which the request may still start, deadline - T_load - T_comp, in
/// seconds. Source: CALVO (arXiv 2603.21257), SLO mode.
class LeastSlackFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
