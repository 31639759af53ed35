#include "core/text_file.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "core/input_error.hpp"

namespace calvo {

std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return std::nullopt;
  constexpr std::size_t piece = 64 << 10;
  std::string text;
  while (text.size() < most) {
    const std::size_t before = text.size();
    text.resize(before + std::min(piece, most - before));
    const std::size_t got = std::fread(text.data() + before, 1, text.size() - before, file.get());
    const bool more = before + got == text.size();
    text.resize(before + got);
    if (!more) break;
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return text;
}

void refuse_utf16(std::string_view text, const std::string& file) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw InputError({file, 0, 0}, "", "is UTF-16; save it as UTF-8");
  }
}

}  // namespace calvo
