#include "policies/least_slack_first.hpp"

namespace calvo::policies {

double LeastSlackFirst::do_key(const RequestView& view) const {
  return seconds_of(view.deadline) - (view.load + view.compute).count();
}

}  // namespace calvo::policies
