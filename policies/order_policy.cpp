#include "policies/order_policy.hpp"

#include <cmath>

#include "core/contract.hpp"

namespace calvo::policies {

OrderPolicy::OrderPolicy(double ageing) : ageing_(ageing) {
  CALVO_EXPECT(ageing >= 0);
}

double OrderPolicy::key(const RequestView& view) const {
  const double key = do_key(view) + ageing_ * seconds_of(view.arrival);
  CALVO_ENSURE(!std::isnan(key));
  return key;
}

}  // namespace calvo::policies
