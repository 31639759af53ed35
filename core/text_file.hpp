#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace calvo {

/// What is in a file, its first `most` bytes at the most. Nothing if it cannot be read to its end:
/// no such file, a directory, no permission. The caller knows what to say of that.
std::optional<std::string> read_file(const std::filesystem::path& path,
                                     std::size_t most = std::numeric_limits<std::size_t>::max());

/// `text` is the beginning of `file`. Throws InputError if its byte order mark says UTF-16.
void refuse_utf16(std::string_view text, const std::string& file);

}  // namespace calvo
