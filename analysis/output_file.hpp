#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/units.hpp"

namespace calvo::analysis {

/// A file being written: text goes to buffer() and reaches the disk in large pieces.
class OutputFile {
public:
  /// Throws Unwritable if the file cannot be made.
  explicit OutputFile(const std::string& path);
  /// Written at `place`, on the way to be `path`, which errors name.
  OutputFile(const std::string& place, std::string path);

  /// What has been written so far and not yet flushed; append to it.
  fmt::memory_buffer& buffer() { return buffer_; }
  /// Call now and then: writes the buffer out once it is large. Throws Unwritable (disk full).
  void flush_if_large() {
    if (buffer_.size() >= large) flush();
  }
  void write(std::span<const std::byte> bytes);
  /// Writes the rest and closes. Without it the file is closed too, but nobody learns of an error.
  void close();

private:
  static constexpr std::size_t large = 1 << 16;
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void flush();
  [[noreturn]] void fail(const char* doing) const;

  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  fmt::memory_buffer buffer_;
};

/// Makes `path` a file that holds `text`, whole or not at all. Throws Unwritable.
void write_file(const std::string& path, std::string_view text);

/// Appends a time in seconds with all of its nine decimals, from the integer.
void append_seconds(fmt::memory_buffer& out, Nanoseconds time);
/// The same in microseconds with three decimals.
void append_microseconds(fmt::memory_buffer& out, Nanoseconds time);
/// Appends `text` as a JSON string with its quotes.
void append_json_string(fmt::memory_buffer& out, std::string_view text);

}  // namespace calvo::analysis
