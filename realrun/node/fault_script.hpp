// What goes wrong on a storage node, and when.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/units.hpp"

namespace calvo::realrun {

enum class FaultKind : std::uint8_t {
  delay,     ///< each piece is sent `amount` seconds later
  slow,      ///< the node sends at `amount` of its pace
  drop,      ///< connections are cut in the middle of a block
  corrupt,   ///< one bit of the block flips on its way
  truncate,  ///< the connection ends after half a block
  hang,      ///< nothing is sent or answered
  die,       ///< listener and connections close; back at `until`
};

struct Fault {
  FaultKind kind{};
  Seconds from{0};  ///< since the node's start
  Seconds until{1e18};
  double amount = 0;  ///< delay: seconds; slow: factor; others: probability per block, 0: always
};

struct FaultScript {
  std::vector<Fault> faults;
  std::uint64_t seed = 1;
};

/// Faults by commas: KIND@FROM, KIND@FROM..UNTIL or either with :AMOUNT; without UNTIL it lasts.
/// "corrupt@1s..3s:0.1,die@5s..7s". Throws InputError with the position; `where` is what stands in
/// for a file in the message.
FaultScript parse_fault_script(std::string_view text, std::string_view where = "--faults");

std::string_view name_of(FaultKind kind);
/// Whether it touches pieces that are sent, which a fabric must ask for; else the node as a whole.
bool is_of_pieces(FaultKind kind);

}  // namespace calvo::realrun
