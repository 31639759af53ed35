#include "policies/bottleneck_first.hpp"

namespace calvo::policies {

double BottleneckFirst::do_key(const RequestView& view) const {
  return view.bottleneck.count();
}

}  // namespace calvo::policies
