#include "analysis/run_directory.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/summary_json.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"

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

std::string partial_place(const std::string& directory) {
  return without_trailing_slash(directory) + ".partial-run";
}

RunDirectoryWriter::RunDirectoryWriter(std::string directory, Taken taken)
    : directory_(without_trailing_slash(std::move(directory))),
      taken_(taken),
      partial_(taken == Taken::next_free ? directory_ + ".partial-" + std::to_string(::getpid())
                                         : partial_place(directory_)) {
  check_free();  // before anything is made
  try {
    claim();
    check_free();  // it may have been put in place meanwhile
  } catch (...) {
    give_up();
    throw;
  }
}

void RunDirectoryWriter::check_free() const {
  if (taken_ == Taken::next_free || is_free(directory_)) return;
  if (!is_run(directory_)) {
    throw Unwritable({directory_, 0, 0}, "--out", "exists and is no run directory",
                     "choose another name");
  }
  if (taken_ == Taken::refuse) {
    throw Unwritable({directory_, 0, 0}, "--out", "holds a run already",
                     "choose another name, or --force to replace it");
  }
}

/// Makes partial_ and locks it. A lock is gone when its process is, so that what a killed one left
/// is no obstacle.
void RunDirectoryWriter::claim() {
  const auto refuse = [&](const std::string& problem, const char* remedy) {
    throw Unwritable({directory_, 0, 0}, "--out", problem, remedy);
  };
  std::error_code error;
  for (fs::path folder = fs::path(partial_).parent_path();
       !folder.empty() && !fs::exists(fs::symlink_status(folder, error));
       folder = folder.parent_path()) {
    made_.push_back(folder.string());
  }
  bool mine = false;
  for (int tries = 0; !mine; ++tries) {
    const bool again = tries < 100;  // another may give up, or be done, between any two steps
    fs::create_directories(partial_, error);
    if (error == std::errc::no_such_file_or_directory && again) continue;
    if (error) refuse("cannot be made (" + error.message() + ")", "choose another place");
    const int opened = ::open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT && again) continue;
    if (opened < 0) {
      refuse(std::string("cannot be made (") + std::strerror(errno) + ")", "choose another place");
    }
    if (::flock(opened, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(opened);
      refuse("another calvo is writing a run there", "wait for it, or choose another name");
    }
    struct stat locked {
    }, there{};
    mine = ::fstat(opened, &locked) == 0 && ::stat(partial_.c_str(), &there) == 0 &&
           locked.st_dev == there.st_dev && locked.st_ino == there.st_ino;
    if (mine) {
      claim_ = opened;
    } else {
      ::close(opened);  // the lock is on what its owner has moved away
      if (!again) refuse("cannot be locked", "choose another place");
    }
  }
  for (const auto& left : fs::directory_iterator(partial_)) fs::remove_all(left.path());
}

RunDirectoryWriter::~RunDirectoryWriter() {
  give_up();
}

void RunDirectoryWriter::give_up() {
  std::error_code ignored;  // there is nobody to tell
  if (claim_ >= 0) {
    fs::remove_all(partial_, ignored);
    ::close(claim_);
    claim_ = -1;
  }
  for (const std::string& folder : made_) fs::remove(folder, ignored);  // if there is nothing in it
  made_.clear();
}

std::string RunDirectoryWriter::file(const std::string& name) {
  return partial_ + "/" + name;
}

bool RunDirectoryWriter::add(const std::string& name,
                             const std::function<void(const std::string&)>& write) {
  try {
    write(file(name));
    return true;
  } catch (const InputError& error) {
    drop(name, error);
    return false;
  }
}

void RunDirectoryWriter::drop(const std::string& name, const InputError& error) {
  std::error_code ignored;  // what cannot be removed stays
  fs::remove(file(name), ignored);
  if (!problem_.empty()) return;
  problem_ = error.what();
  if (problem_.starts_with(partial_)) problem_.replace(0, partial_.size(), directory_);
}

std::string RunDirectoryWriter::commit() {
  CALVO_EXPECT(claim_ >= 0);
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
    ::close(claim_);
    claim_ = -1;
    throw Unwritable({place, 0, 0}, "--out", "cannot be put in place (" + error.message() + ")",
                     "the run is whole in " + partial_ + ", move it where you like");
  }
  ::close(claim_);
  claim_ = -1;
  made_.clear();
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
  const auto text = read_file(summary_path);
  if (!text) throw InputError({summary_path, 0, 0}, "", "cannot be read; check its permissions");
  run.summary = summary_from_json(*text, summary_path);
  const std::string requests_path = (root / requests_file).string();
  run.requests = read_requests_csv(requests_path);
  const std::int64_t counted = run.summary.measured + run.summary.not_measured;
  if (std::ssize(run.requests) != counted) {
    throw InputError(
        {requests_path, 0, 0}, "",
        "holds " + std::to_string(run.requests.size()) + " requests, and " + summary_path +
            " counts " + std::to_string(counted) +
            (std::ssize(run.requests) < counted ? ": it is cut; copy the directory again, or "
                                                : ": they are of two runs; ") +
            "run the scenario again");
  }
  return run;
}

}  // namespace calvo::analysis
