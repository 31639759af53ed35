#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/input_error.hpp"

struct gzFile_s;

namespace calvo {

/// Reads a text file line by line, gzip or plain (found by its content).
///
/// Throws InputError for a file that is missing, unreadable or a directory, for a gzip that is cut
/// short or damaged, and for a line above 64 MiB.
class LineReader {
public:
  explicit LineReader(std::string file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// Goes to the next line; false at the end of the file.
  bool next();

  /// The line without its end ("\n" or "\r\n"); valid until next().
  std::string_view line() const { return line_; }
  int number() const { return number_; }  ///< of line(), from 1
  const std::string& file() const { return file_; }

  /// The place of byte `offset` of line().
  SourcePos pos(std::size_t offset = 0) const {
    return {file_, number_, static_cast<int>(offset) + 1};
  }

private:
  void refill();

  std::string file_;
  gzFile_s* stream_ = nullptr;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< unread part of the buffer
  std::size_t end_ = 0;
  bool at_end_ = false;
  std::string_view line_;
  int number_ = 0;
};

}  // namespace calvo
