#include "policies/cheapest_first.hpp"

namespace calvo::policies {

double CheapestFirst::do_key(const RequestView& view) const {
  return (view.load + view.compute).count();
}

}  // namespace calvo::policies
