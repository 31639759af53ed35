#include "policies/earliest_deadline_first.hpp"

namespace calvo::policies {

double EarliestDeadlineFirst::do_key(const RequestView& view) const {
  return seconds_of(view.deadline);  // `never` is some 292 years: after every real deadline
}

}  // namespace calvo::policies
