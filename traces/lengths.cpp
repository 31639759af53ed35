#include "traces/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

Lengths::Lengths(const LengthDistribution& distribution) : distribution_(distribution) {
  if (distribution_.kind != LengthKind::empirical || distribution_.file.empty()) return;
  distribution_.values.clear();
  for (const TraceRequest& request : read_trace(distribution_.file).requests) {
    distribution_.values.push_back(distribution_.column == LengthColumn::input ? request.input
                                                                               : request.output);
  }
}

std::int64_t Lengths::draw(Random& random, std::int64_t least) const {
  const LengthDistribution& d = distribution_;
  double value = d.mean;
  switch (d.kind) {
    case LengthKind::fixed:
      break;
    case LengthKind::uniform:
      return std::max(
          least, d.low.count() + static_cast<std::int64_t>(random.below(
                                     static_cast<std::uint64_t>((d.high - d.low).count()) + 1)));
    case LengthKind::lognormal:
      if (value > 0) value = random.lognormal(value, d.cv);
      break;
    case LengthKind::empirical:
      CALVO_EXPECT(!d.values.empty());
      value = d.values[random.below(d.values.size())];
      break;
  }
  std::int64_t tokens = std::llround(std::min(value, static_cast<double>(most_tokens)));
  if (d.high.count() > 0) tokens = std::min(tokens, d.high.count());
  return std::max({tokens, d.low.count(), least});
}

}  // namespace calvo::traces
