#pragma once

#include "policies/order_policy.hpp"

namespace calvo::policies {

/// EDF of network transfers, in seconds: a transfer is due when copy and compute must begin, that
/// is at the request's deadline - T_copy - T_comp; requests without a deadline go last. Source:
/// Mooncake TENT's admission queue (tent/runtime/admission_queue.h), given what a caller with a
/// cost model would ask for; a caller without one passes the whole objective (edf).
class EarliestTransferDeadlineFirst final : public OrderPolicy {
public:
  using OrderPolicy::OrderPolicy;
  bool wants_stages() const override { return true; }

private:
  double do_key(const RequestView& view) const override;
};

}  // namespace calvo::policies
