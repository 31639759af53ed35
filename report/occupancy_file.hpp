#pragma once

#include <string>
#include <vector>

namespace calvo::report {

/// One column of the file.
struct TierOccupancy {
  std::string name;            ///< "instance0.host_memory"
  std::vector<double> shares;  ///< mean over each interval, of the capacity
};

struct Occupancy {
  double interval_s = 0;  ///< the i-th value is of [i * interval, (i + 1) * interval)
  std::vector<TierOccupancy> tiers;
};

/// Throws InputError if the file is not such a table.
Occupancy read_occupancy(const std::string& path);

}  // namespace calvo::report
