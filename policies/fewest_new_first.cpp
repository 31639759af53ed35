#include "policies/fewest_new_first.hpp"

namespace calvo::policies {

double FewestNewFirst::do_key(const RequestView& view) const {
  return static_cast<double>(view.new_tokens.count());
}

}  // namespace calvo::policies
