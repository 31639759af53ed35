#include "policies/earliest_transfer_deadline_first.hpp"

namespace calvo::policies {

double EarliestTransferDeadlineFirst::do_key(const RequestView& view) const {
  return seconds_of(view.deadline) - view.copy.count() - view.compute.count();
}

}  // namespace calvo::policies
