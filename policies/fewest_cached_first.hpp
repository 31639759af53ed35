#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// SJF by tokens to load.
class FewestCachedFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
