#pragma once

#include <cstdint>

#include "core/request.hpp"

namespace calvo::realrun {

/// The token at `position` of a request's prompt or output, in [0, vocab). Tokens of a block that
/// has a name derive from the name, so that equal blocks hold equal tokens in every process and
/// after every turn; those of a tail without a name derive from the request. Outputs are forced to
/// these tokens whatever the model says, so that simulator and runner see the same next turn.
std::int32_t token_at(std::uint64_t seed, const RequestSpec& spec, std::int64_t block_tokens,
                      std::int64_t position, std::int32_t vocab);

}  // namespace calvo::realrun
