#include "traces/convert.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <system_error>
#include <utility>

#include <zlib.h>

#include "core/input_error.hpp"
#include "traces/mooncake.hpp"

namespace calvo::traces {
namespace {

[[noreturn]] void fail_to_write(const std::string& out) {
  throw InputError({out, 0, 0}, "",
                   std::string("cannot be written (") + std::strerror(errno) +
                       "); give a path in a folder that exists and has room");
}

bool write_gzip(const std::string& text, const std::string& path) {
  gzFile stream = gzopen(path.c_str(), "wb9");
  if (stream == nullptr) return false;
  bool good = true;
  constexpr std::size_t piece = std::size_t{1} << 20;
  for (std::size_t done = 0; good && done < text.size(); done += piece) {
    const auto size = static_cast<unsigned>(std::min(piece, text.size() - done));
    good = gzwrite(stream, text.data() + done, size) == static_cast<int>(size);
  }
  return gzclose(stream) == Z_OK && good;
}

bool write_plain(const std::string& text, const std::string& path) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  stream.close();
  return stream.good();
}

/// Whole or not at all: what was there stays until the new file is complete.
void write_whole(const std::string& text, const std::string& out) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status there = fs::status(out, error);
  const bool replace = !fs::exists(there) || fs::is_regular_file(there);  // not a pipe
  const std::string place = replace ? out + ".partial" : out;
  errno = 0;
  bool good = out.ends_with(".gz") ? write_gzip(text, place) : write_plain(text, place);
  if (good && replace) {
    fs::rename(place, out, error);
    good = !error;
    errno = error.value();
  }
  if (good) return;
  const int why = errno;
  if (replace) fs::remove(place, error);
  errno = why;
  fail_to_write(out);
}

}  // namespace

void convert(const std::string& file, const std::string& out, const ConvertOptions& options) {
  std::error_code neither;
  if (std::filesystem::equivalent(file, out, neither)) {
    throw InputError({out, 0, 0}, "", "is the trace itself; name another file to write");
  }
  const Trace trace = read_trace(file, options.read);
  if (out == "-") {
    write_mooncake(trace, options.shared_prefix, std::cout);
    std::cout.flush();
    if (!std::cout) fail_to_write("standard output");
    return;
  }
  // Into memory first: a trace that cannot be converted leaves no half-written file.
  std::ostringstream text;
  write_mooncake(trace, options.shared_prefix, text);
  write_whole(std::move(text).str(), out);
}

}  // namespace calvo::traces
