#include "policies/first_come_first.hpp"

namespace calvo::policies {

double FirstComeFirst::do_key(const RequestView& view) const {
  return seconds_of(view.arrival);
}

}  // namespace calvo::policies
