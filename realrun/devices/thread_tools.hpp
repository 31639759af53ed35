#pragma once

#include <optional>
#include <string_view>

namespace calvo::realrun {

/// Pins the calling thread to a core, once per thread and core; nothing without one.
/// Requires: expect_core() has accepted it.
void pin_this_thread(std::optional<int> core);

/// Throws InputError that names `option` if this process may not run on `core`.
void expect_core(std::optional<int> core, std::string_view option);

/// Lets the calling thread wake within microseconds of when it wants to, not 50 later.
void wake_in_time();

}  // namespace calvo::realrun
