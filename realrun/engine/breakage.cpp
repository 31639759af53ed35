#include "realrun/engine/breakage.hpp"

#include <fmt/format.h>

namespace calvo::realrun {
namespace {

std::string plural(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double seconds(Instant date) {
  return to_seconds(date - Instant{}).count();
}

std::string text_of(const LostNode& lost) {
  return fmt::format(
      "storage node {} ({}) was lost{} at {:.1f} s and {}", lost.node, lost.address,
      lost.times == 1 ? "" : fmt::format(" {} times, first", lost.times), seconds(lost.first),
      lost.back ? fmt::format("{} at {:.1f} s",
                              lost.times == 1 ? "came back" : "came back for the last time",
                              seconds(*lost.back))
                : std::string("did not come back"));
}

}  // namespace

std::vector<std::string> breakage(const LoadReport& load) {
  std::vector<std::string> sentences;
  for (const LostNode& lost : load.lost_nodes) sentences.push_back(text_of(lost));
  if (load.corrupt_blocks > 0) {
    sentences.push_back(fmt::format("{} came from the storage nodes and {} not used",
                                    plural(load.corrupt_blocks, "corrupt block"),
                                    load.corrupt_blocks == 1 ? "was" : "were"));
  }
  if (load.lost_nodes.empty() && load.reconnects > 0) {
    sentences.push_back(fmt::format("{} to storage nodes broke and {} made anew",
                                    plural(load.reconnects, "connection"),
                                    load.reconnects == 1 ? "was" : "were"));
  }
  return sentences;
}

}  // namespace calvo::realrun
