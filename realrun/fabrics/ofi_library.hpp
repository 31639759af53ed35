// libfabric's own functions. All others are inline calls through tables that these hand out.
//
// The library is opened when the first of them is wanted: two providers of Debian's build (psm,
// psm2) measure the processor's clock for a tenth of a second each before main() of whatever links
// with it, and most of what this program does needs no fabric.
#pragma once

#include <rdma/fabric.h>

namespace calvo::realrun::ofi {

struct Library {
  decltype(&fi_getinfo) getinfo;
  decltype(&fi_dupinfo) dupinfo;  ///< of null: an empty one
  decltype(&fi_freeinfo) freeinfo;
  decltype(&fi_fabric) fabric;
  decltype(&fi_strerror) strerror;
};

/// Stays open. Throws std::runtime_error, with a remedy, if it cannot be opened.
const Library& library();

}  // namespace calvo::realrun::ofi
