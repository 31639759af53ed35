#pragma once

#include <cerrno>
#include <system_error>

namespace calvo {

/// Throws std::system_error for `call` with errno unless it is `done`.
inline void must(bool done, const char* call) {
  if (!done) throw std::system_error(errno, std::generic_category(), call);
}

}  // namespace calvo
