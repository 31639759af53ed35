#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace calvo::traces {

enum class GapShape : std::uint8_t { gamma, weibull };

/// How often one client sent requests in one window of time.
struct ArrivalWindow {
  std::int64_t client = 0;
  double start_s = 0;
  double rate = 0;   ///< requests per second in the mean of the window
  double shape = 1;  ///< of the distribution of the gaps, whose mean the rate gives
  GapShape kind = GapShape::gamma;
};

inline constexpr double servegen_window_s = 600;

/// Reads a ServeGen table: client, start_s, rate_per_s, cv, dist, p1 (shape), p2 (scale). Windows
/// come out by (start, client). Throws InputError.
std::vector<ArrivalWindow> read_servegen(const std::string& file);

}  // namespace calvo::traces
