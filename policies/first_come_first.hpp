#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// FIFO: by date of arrival, in seconds.
class FirstComeFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
