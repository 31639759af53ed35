#include "analysis/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/input_error.hpp"

namespace calvo::analysis {
namespace {

void append_fixed(fmt::memory_buffer& out, Nanoseconds time, std::int64_t unit, int decimals) {
  std::int64_t count = time.count();
  if (count < 0) {
    out.push_back('-');
    count = -count;
  }
  fmt::format_to(std::back_inserter(out), "{}.{:0{}}", count / unit, count % unit, decimals);
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : OutputFile(path, path) {}

OutputFile::OutputFile(const std::string& place, std::string path)
    : path_(std::move(path)), file_(std::fopen(place.c_str(), "wb")) {
  if (!file_) fail("made");
}

void OutputFile::write(std::span<const std::byte> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  buffer_.append(text, text + bytes.size());
  flush_if_large();
}

void OutputFile::flush() {
  if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size()) {
    fail("written");
  }
  buffer_.clear();
}

void OutputFile::close() {
  flush();
  if (std::fclose(file_.release()) != 0) fail("written");
}

void OutputFile::fail(const char* doing) const {
  throw Unwritable({path_, 0, 0}, "",
                   std::string("cannot be ") + doing + " (" + std::strerror(errno) + ")",
                   "choose another place with --out");
}

void write_file(const std::string& path, std::string_view text) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status there = fs::status(path, ignored);
  const bool replace = !fs::exists(there) || fs::is_regular_file(there);  // not a pipe or terminal
  const std::string place = replace ? path + ".partial" : path;
  try {
    OutputFile file(place, path);
    file.buffer().append(text);
    file.close();
    if (replace) fs::rename(place, path);
  } catch (...) {
    if (replace) fs::remove(place, ignored);
    throw;
  }
}

void append_seconds(fmt::memory_buffer& out, Nanoseconds time) {
  append_fixed(out, time, 1'000'000'000, 9);
}

void append_microseconds(fmt::memory_buffer& out, Nanoseconds time) {
  append_fixed(out, time, 1000, 3);
}

void append_json_string(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace calvo::analysis
