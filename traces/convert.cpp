#include "traces/convert.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include <zlib.h>

#include "core/input_error.hpp"
#include "traces/mooncake.hpp"

namespace calvo::traces {
namespace {

[[noreturn]] void fail_to_write(const std::string& out) {
  throw InputError({out, 0, 0}, "",
                   std::string("cannot be written (") + std::strerror(errno) +
                       "); give a path in a folder that exists");
}

void write_gzip(const std::string& text, const std::string& out) {
  gzFile stream = gzopen(out.c_str(), "wb9");
  if (stream == nullptr) fail_to_write(out);
  std::size_t done = 0;
  constexpr std::size_t piece = std::size_t{1} << 20;
  while (done < text.size()) {
    const auto size = static_cast<unsigned>(std::min(piece, text.size() - done));
    if (gzwrite(stream, text.data() + done, size) != static_cast<int>(size)) {
      gzclose(stream);
      fail_to_write(out);
    }
    done += size;
  }
  if (gzclose(stream) != Z_OK) fail_to_write(out);
}

}  // namespace

void convert(const std::string& file, const std::string& out, const ConvertOptions& options) {
  const Trace trace = read_trace(file, options.read);
  if (out.ends_with(".gz")) {
    std::ostringstream text;
    write_mooncake(trace, options.shared_prefix, text);
    write_gzip(std::move(text).str(), out);
    return;
  }
  if (out == "-") {
    write_mooncake(trace, options.shared_prefix, std::cout);
    std::cout.flush();
    if (!std::cout) fail_to_write("standard output");
    return;
  }
  // Into memory first: a trace that cannot be converted leaves no half-written file.
  std::ostringstream text;
  write_mooncake(trace, options.shared_prefix, text);
  std::ofstream stream(out, std::ios::binary);
  stream << text.view();
  stream.close();
  if (!stream) fail_to_write(out);
}

}  // namespace calvo::traces
