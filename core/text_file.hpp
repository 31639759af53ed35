#pragma once

#include <string>
#include <string_view>

#include "core/input_error.hpp"

namespace calvo {

/// `text` is the beginning of `file`. Throws InputError if its byte order mark says UTF-16.
inline void refuse_utf16(std::string_view text, const std::string& file) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw InputError({file, 0, 0}, "", "is UTF-16; save it as UTF-8");
  }
}

}  // namespace calvo
