#include "core/gzip_lines.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <zlib.h>

#include "core/text_file.hpp"

namespace calvo {
namespace {

constexpr std::size_t first_buffer = std::size_t{256} << 10;
constexpr std::size_t longest_line = std::size_t{64} << 20;

/// zlib puts the name of the file before its messages.
std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

}  // namespace

LineReader::LineReader(std::string file) : file_(std::move(file)), buffer_(first_buffer) {
  std::error_code ignored;
  const auto status = std::filesystem::status(file_, ignored);
  const SourcePos whole{file_, 0, 0};
  if (!std::filesystem::exists(status)) {
    throw InputError(whole, "", "no such file; give the path of a text file, plain or gzip");
  }
  if (std::filesystem::is_directory(status)) {
    throw InputError(whole, "", "is a directory; give a file in it");
  }
  stream_ = gzopen(file_.c_str(), "rb");
  if (stream_ == nullptr) {
    throw InputError(
        whole, "",
        std::string("cannot be opened (") + std::strerror(errno) + "); check its permissions");
  }
  gzbuffer(stream_, static_cast<unsigned>(first_buffer));
}

LineReader::~LineReader() {
  gzclose(stream_);
}

bool LineReader::next() {
  std::size_t searched = 0;
  while (true) {
    const char* from = buffer_.data() + begin_;
    const auto* newline =
        static_cast<const char*>(std::memchr(from + searched, '\n', end_ - begin_ - searched));
    if (newline == nullptr && !at_end_) {
      searched = end_ - begin_;
      refill();
      continue;
    }
    if (newline == nullptr && begin_ == end_) return false;
    const char* stop = newline != nullptr ? newline : buffer_.data() + end_;
    line_ = std::string_view(from, static_cast<std::size_t>(stop - from));
    begin_ += line_.size() + (newline != nullptr ? 1 : 0);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++number_;
    return true;
  }
}

void LineReader::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (end_ >= longest_line) {
      throw InputError({file_, number_ + 1, 1}, "",
                       "line above 64 MiB; is this a text file with one record a line?");
    }
    buffer_.resize(2 * buffer_.size());
  }
  const auto room = static_cast<unsigned>(buffer_.size() - end_);
  const int got = gzread(stream_, buffer_.data() + end_, room);
  int problem = Z_OK;
  const char* text = gzerror(stream_, &problem);
  if (problem == Z_BUF_ERROR) {
    throw InputError({file_, 0, 0}, "", "gzip cut short; copy or download the file again");
  }
  if (got < 0 || problem < 0) {
    const std::string_view reason = problem == Z_ERRNO ? std::strerror(errno) : text;
    throw InputError({file_, 0, 0}, "",
                     "cannot be read (" + std::string(without_prefix(reason, file_ + ": ")) +
                         "); copy or download the file again");
  }
  end_ += static_cast<std::size_t>(got);
  if (number_ == 0) refuse_utf16({buffer_.data(), end_}, file_);
  at_end_ = static_cast<unsigned>(got) < room;
}

}  // namespace calvo
