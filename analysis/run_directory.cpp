#include "analysis/run_directory.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "analysis/summary_json.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::analysis {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& path) {
  return fs::is_regular_file(path / summary_file) && fs::is_regular_file(path / requests_file);
}

/// Nothing stands there, or a directory without anything in it.
bool is_free(const fs::path& path) {
  return !fs::exists(fs::symlink_status(path)) || (fs::is_directory(path) && fs::is_empty(path));
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string numbered(const std::string& directory, int number) {
  return number == 1 ? directory : directory + "-" + std::to_string(number);
}

}  // namespace

RunDirectoryWriter::RunDirectoryWriter(std::string directory, Taken taken)
    : directory_(without_trailing_slash(std::move(directory))),
      taken_(taken),
      partial_(directory_ + ".partial-" + std::to_string(::getpid())) {
  if (taken_ == Taken::next_free || is_free(directory_)) return;
  if (!is_run(directory_)) {
    throw InputError({directory_, 0, 0}, "--out",
                     "exists and is no run directory; choose another name");
  }
  if (taken_ == Taken::refuse) {
    throw InputError({directory_, 0, 0}, "--out",
                     "holds a run already; choose another name, or --force to replace it");
  }
}

RunDirectoryWriter::~RunDirectoryWriter() {
  std::error_code ignored;  // a destructor has nobody to tell
  if (begun_) fs::remove_all(partial_, ignored);
}

std::string RunDirectoryWriter::file(const std::string& name) {
  if (!begun_) {
    std::error_code error;
    fs::create_directories(partial_, error);
    if (error) {
      throw InputError({directory_, 0, 0}, "--out",
                       "cannot be made (" + error.message() + "); choose another place");
    }
    begun_ = true;
  }
  return partial_ + "/" + name;
}

std::string RunDirectoryWriter::commit() {
  CALVO_EXPECT(begun_);
  std::error_code error;
  const std::string old = directory_ + ".old-" + std::to_string(::getpid());
  const bool replaces = taken_ == Taken::replace && is_run(directory_);
  if (replaces) fs::rename(directory_, old);

  std::string place = directory_;
  fs::rename(partial_, place, error);  // onto nothing or an empty directory only
  for (int number = 2; error && taken_ == Taken::next_free && !is_free(place); ++number) {
    place = numbered(directory_, number);
    fs::rename(partial_, place, error);
  }
  if (error) {
    if (replaces) fs::rename(old, directory_);
    throw InputError({place, 0, 0}, "--out",
                     "cannot be put in place (" + error.message() + "); choose another name");
  }
  begun_ = false;
  if (replaces) fs::remove_all(old);
  return place;
}

RunDirectory read_run_directory(const std::string& path) {
  const fs::path root = without_trailing_slash(path);
  if (!fs::exists(root)) {
    throw InputError({path, 0, 0}, "", "no such directory; name one that `calvo run` wrote");
  }
  if (!fs::is_directory(root)) {
    throw InputError({path, 0, 0}, "", "is a file; name the run directory itself");
  }
  for (const char* name : {summary_file, requests_file}) {
    if (!fs::is_regular_file(root / name)) {
      throw InputError({path, 0, 0}, "",
                       std::string("is no run directory: it has no ") + name +
                           "; name one that `calvo run` wrote");
    }
  }
  RunDirectory run;
  run.path = root.string();
  const std::string summary_path = (root / summary_file).string();
  std::ifstream stream(summary_path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) throw InputError({summary_path, 0, 0}, "", "cannot be read; check its permissions");
  run.summary = summary_from_json(text, summary_path);
  run.requests = read_requests_csv((root / requests_file).string());
  return run;
}

}  // namespace calvo::analysis
