#include "cli/search_work.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "cli/sweep_progress.hpp"
#include "cli/sweep_work.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {

/// A folder that is gone when this is.
class SearchWork::PassingFolder {
public:
  PassingFolder() : path_((std::filesystem::temp_directory_path() / "calvo-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw InputError({path_, 0, 0}, "",
                       std::string("cannot be made (") + std::strerror(errno) +
                           "); set TMPDIR to a folder that can be written to");
    }
  }
  ~PassingFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  PassingFolder(const PassingFolder&) = delete;
  PassingFolder& operator=(const PassingFolder&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

SearchWork::SearchWork(const SearchOptions& options, sweeps::SweepFile scenario)
    : options_(options) {
  if (options.directory.empty()) passing_ = std::make_unique<PassingFolder>();
  scenario.path = scenario.scenario_path;
  scenario.text = scenario.scenario_text;
  scenario.points.clear();
  scenario.seeds = {1};
  directory_ = std::make_unique<SweepDirectory>(passing_ ? passing_->path() : options.directory,
                                                sweeps::Plan(std::move(scenario)),
                                                options.force    ? SweepDirectory::Begun::replace
                                                : options.resume ? SweepDirectory::Begun::resume
                                                                 : SweepDirectory::Begun::refuse);
}

SearchWork::~SearchWork() = default;

bool SearchWork::run(sweeps::Schedule& schedule) {
  const int slots = slots_for(options_.jobs);
  SweepProgress progress(options_.quiet ? SweepProgress::Wanted::no : SweepProgress::Wanted::yes,
                         slots);
  LocalPool pool(schedule.plan(), directory_->points(), slots);
  const PointRecords records{
      [&](const std::string& point) { return directory_->find(point); },
      [&](const sweeps::Job& job, const std::string& text) { directory_->add_failure(job, text); }};
  const Ended ended = work(schedule, records, pool, progress);
  pool.abandon();
  if (ended.unwritable.empty()) return ended.interrupted;
  throw InputError({directory_->path(), 0, 0}, "",
                   std::string("cannot be written to; ") +
                       (passing_ ? "set TMPDIR to a folder with room\n"
                                 : "make room there, and go on with the same command and "
                                   "--resume\n") +
                       ended.unwritable);
}

int SearchWork::told_interruption(const std::string& done) const {
  std::string kept = "lost; with --out DIR they would be kept";
  if (!passing_) {
    kept = fmt::format("kept in {}; go on with the same command{}", directory_->path(),
                       options_.resume ? "" : " and --resume");
  }
  fmt::print(stderr, "calvo: interrupted; {} and are {}\n", done, kept);
  return interrupted;
}

}  // namespace calvo::cli
