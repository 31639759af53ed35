#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// EDF: by the date the first token is due, in seconds; requests without a deadline go last.
class EarliestDeadlineFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
