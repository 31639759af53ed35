#include "policies/fewest_cached_first.hpp"

namespace calvo::policies {

double FewestCachedFirst::do_key(const RequestView& view) const {
  return static_cast<double>(view.cached.count());
}

}  // namespace calvo::policies
