// Trace files for tests, and the errors they raise.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "core/input_error.hpp"

namespace calvo::traces {

/// A folder of its own that goes away with the test.
class TestFolder {
public:
  TestFolder() {
    std::string name = ::testing::TempDir() + "calvo_traces_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  std::string write_gzip(const std::string& name, const std::string& text) const {
    gzFile stream = gzopen(path(name).c_str(), "wb");
    gzwrite(stream, text.data(), static_cast<unsigned>(text.size()));
    gzclose(stream);
    return path(name);
  }

  /// The message of the InputError that `action` throws, without the path of this folder.
  template <class Action>
  std::string error_of(Action action) const {
    try {
      action();
    } catch (const InputError& error) {
      std::string text = error.what();
      const std::string prefix = path_ + "/";
      for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) {
        text.erase(at, prefix.size());
      }
      return text;
    }
    return "no error";
  }

private:
  std::string path_;
};

inline std::string read_text(const std::string& file) {
  std::string text;
  gzFile stream = gzopen(file.c_str(), "rb");
  char buffer[4096];
  for (int got; (got = gzread(stream, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  gzclose(stream);
  return text;
}

inline std::string shipped(const std::string& name) {
  return std::string(CALVO_SOURCE_DIR) + "/data/traces/" + name;
}

}  // namespace calvo::traces
