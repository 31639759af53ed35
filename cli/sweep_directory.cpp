#include "cli/sweep_directory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "analysis/output_file.hpp"
#include "analysis/run_directory.hpp"
#include "analysis/summary_json.hpp"
#include "cli/build_info.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"
#include "sweeps/results.hpp"

namespace calvo::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* state_file = "state.json";
constexpr const char* copy_file = "sweep.yaml";

std::string read(const fs::path& path) {
  return read_file(path).value_or("");
}

std::string program() {
  const BuildInfo build = build_info();
  return build.version + (build.git_commit.empty() ? "" : " " + build.git_commit);
}

std::size_t count_entries(const fs::path& folder) {
  std::error_code none;
  const fs::directory_iterator entries(folder, none);
  return none ? 0 : static_cast<std::size_t>(std::distance(fs::begin(entries), fs::end(entries)));
}

[[noreturn]] void refuse_place(const std::string& path, const std::string& problem) {
  throw InputError({path, 0, 0}, "--out", problem);
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) refuse_place(path, "cannot be made (" + error.message() + "); choose another place");
}

}  // namespace

SweepDirectory::SweepDirectory(std::string path, const sweeps::Plan& plan, Begun begun)
    : path_(std::move(path)), requests_(plan.file().keep.requests) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  const fs::path root = path_;
  begun_before(begun);  // refuses without waiting for a lock
  make_folder(path_);
  take_lock();
  const bool going_on = begun_before(begun) && begun == Begun::resume;
  if (going_on) check_state(plan);
  try {
    if (!going_on) {  // tables first: they are of the points
      for (const char* name : {analysis::sweep_table_file, analysis::sweep_index_file,
                               analysis::environment_file, "points"}) {
        fs::remove_all(root / name);
      }
      begin(plan);
    }
    put(copy_file, plan.file().text);
    fs::remove_all(root / "failed");  // they are tried again
    make_folder(points());
    for (const auto& entry : fs::directory_iterator(points())) {
      if (entry.path().filename().string().find(".partial-") != std::string::npos) {
        fs::remove_all(entry.path());
      }
    }
  } catch (const fs::filesystem_error& error) {
    refuse_place(path_,
                 "cannot be changed (" + error.code().message() + "); check its permissions");
  }
}

/// Whether it holds a sweep. One that was killed while it began has left the start of its state.
bool SweepDirectory::begun_before(Begun begun) const {
  const fs::path root = path_;
  if (fs::is_regular_file(root / state_file)) {
    if (begun != Begun::refuse) return true;
    refuse_place(path_, fmt::format("holds a sweep already ({} points); --resume to go on with it, "
                                    "--force to begin anew, or choose another name",
                                    count_entries(root / "points")));
  }
  if (!fs::exists(fs::symlink_status(root))) return false;
  const auto ours = [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with(state_file);
  };
  if (!fs::is_directory(root) || !std::ranges::all_of(fs::directory_iterator(root), ours)) {
    refuse_place(path_, "exists and is no sweep directory; choose another name");
  }
  return false;
}

SweepDirectory::~SweepDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

void SweepDirectory::take_lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) refuse_place(path_, fmt::format("cannot be opened ({})", std::strerror(errno)));
  // The points of a sweep that was just killed hold the lock until they have died, too.
  for (int moment = 0; moment < 200; ++moment) {
    if (::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    if (moment == 10) {
      fmt::print(stderr, "calvo: {}: waiting for another calvo sweep in it, ten seconds at most\n",
                 path_);
    }
    ::usleep(50'000);
  }
  refuse_place(path_, "another calvo sweep is at work in it; wait for it, or choose another name");
}

void SweepDirectory::begin(const sweeps::Plan& plan) {
  nlohmann::ordered_json state;
  state["format"] = 1;
  state["program"] = program();
  state["identity"] = plan.identity();
  put(state_file, state.dump(2) + "\n");  // with it, the directory is a sweep's
}

void SweepDirectory::check_state(const sweeps::Plan& plan) const {
  const std::string file = path_ + "/" + state_file;
  const auto state = nlohmann::json::parse(read(file), nullptr, false);
  if (!state.is_object() || !state.contains("identity") || !state.contains("program")) {
    throw InputError({file, 0, 0}, "--resume", "is damaged; --force to begin anew");
  }
  if (state["identity"] != plan.identity()) {
    throw InputError({file, 0, 0}, "--resume",
                     fmt::format("{} or its scenario is not what this directory was begun with "
                                 "(the sweep file of then is {}/{}); restore it, choose another "
                                 "--out, or --force to begin anew",
                                 plan.file().path, path_, copy_file));
  }
  if (state["program"] != program()) {
    throw InputError({file, 0, 0}, "--resume",
                     fmt::format("was begun by calvo {}, this is {}: their results may differ; use "
                                 "that one, choose another --out, or --force to begin anew",
                                 state["program"].get<std::string>(), program()));
  }
}

std::optional<analysis::PointResult> SweepDirectory::find(const std::string& point) const {
  const fs::path place = fs::path(points()) / point;
  if (!fs::is_directory(place)) return std::nullopt;
  const fs::path summary = place / analysis::summary_file;
  const bool whole = fs::is_regular_file(summary) &&
                     (!requests_ || fs::is_regular_file(place / analysis::requests_file));
  std::string problem = "a file of it is missing";
  if (whole) {
    try {
      return analysis::result_of(analysis::summary_from_json(read(summary), summary.string()));
    } catch (const InputError& error) {
      problem = error.what();
    }
  }
  fmt::print(stderr, "calvo: points/{} is simulated again: {}\n", point, problem);
  fs::remove_all(place);
  return std::nullopt;
}

void SweepDirectory::add_failure(const sweeps::Job& job, const std::string& text) const {
  make_folder(path_ + "/failed");
  std::string settings = fmt::format("{}, seed {}\n", job.cell->name, job.seed);
  put("failed/" + job.point() + ".txt", settings + text);
}

void SweepDirectory::write_tables(const sweeps::Schedule& schedule,
                                  const nlohmann::ordered_json& environment) const {
  put(analysis::sweep_table_file, analysis::to_csv(sweeps::table_of(schedule)));
  put(analysis::sweep_index_file, sweeps::index_of(schedule).dump(2) + "\n");
  put(analysis::environment_file, environment.dump(2) + "\n");
}

void SweepDirectory::put(const std::string& name, const std::string& text) const {
  analysis::write_file(path_ + "/" + name, text);
}

}  // namespace calvo::cli
