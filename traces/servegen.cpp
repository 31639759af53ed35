#include "traces/servegen.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "traces/fields.hpp"

namespace calvo::traces {
namespace {

enum Column : std::size_t { client, start_s, rate_per_s, cv, dist, p1, p2 };
constexpr std::array<std::string_view, 7> columns = {"client", "start_s", "rate_per_s", "cv",
                                                     "dist",   "p1",      "p2"};

}  // namespace

std::vector<ArrivalWindow> read_servegen(const std::string& file) {
  LineReader reader(file);
  FieldRows rows(reader, ',', columns);
  std::vector<ArrivalWindow> windows;
  while (rows.next()) {
    ArrivalWindow window;
    window.client = rows.integer(client, 0, 1LL << 40);
    window.start_s = rows.number(start_s, 0, 1e9);
    window.rate = rows.number(rate_per_s, 1e-9, 1e6);
    rows.number(cv, 0, 1e6);
    const std::string_view name = rows.text(dist);
    if (name != "Gamma" && name != "Weibull") {
      rows.fail(dist, fmt::format("unknown distribution \"{}\" (one of: Gamma, Weibull)", name));
    }
    window.kind = name == "Gamma" ? GapShape::gamma : GapShape::weibull;
    window.shape = rows.number(p1, window.kind == GapShape::gamma ? 1e-4 : 0.02, 1e6);
    rows.number(p2, 0, 1e9);
    windows.push_back(window);
  }
  if (windows.empty()) {
    throw InputError({file, 0, 0}, "", "holds no window; give a table with some");
  }
  std::ranges::sort(windows, {}, [](const ArrivalWindow& window) {
    return std::tuple(window.start_s, window.client);
  });
  const auto twin =
      std::ranges::adjacent_find(windows, [](const ArrivalWindow& a, const ArrivalWindow& b) {
        return a.client == b.client && a.start_s == b.start_s;
      });
  if (twin != windows.end()) {
    throw InputError(
        {file, 0, 0}, "start_s",
        fmt::format("duplicate \"{}\" of client {}; keep one", twin->start_s, twin->client));
  }
  return windows;
}

}  // namespace calvo::traces
