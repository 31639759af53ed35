// The directory of a sweep: what is there already, and what is added. docs/sweep.md names its
// files.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// Belongs to one process at a time.
class SweepDirectory {
public:
  /// What to do where a sweep was begun already.
  enum class Begun { refuse, resume, replace };

  /// Makes the directory or takes it over; cleans away what a killed sweep left half done. Throws
  /// InputError if it cannot be written, holds something else, another sweep is at work in it, or
  /// it was begun with another sweep file or program.
  SweepDirectory(std::string path, const sweeps::Plan& plan, Begun begun);
  ~SweepDirectory();
  SweepDirectory(const SweepDirectory&) = delete;
  SweepDirectory& operator=(const SweepDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string points() const { return path_ + "/points"; }

  /// What a point came to that is there already; none if it has to be simulated.
  std::optional<analysis::PointResult> find(const std::string& point) const;

  /// Writes down why a point failed.
  void add_failure(const sweeps::Job& job, const std::string& text) const;

  /// Writes sweep.csv, sweep.json and environment.json, each at once.
  void write_tables(const sweeps::Schedule& schedule,
                    const nlohmann::ordered_json& environment) const;

private:
  bool begun_before(Begun begun) const;
  void begin(const sweeps::Plan& plan);
  void check_state(const sweeps::Plan& plan) const;
  void take_lock();
  void put(const std::string& name, const std::string& text) const;

  std::string path_;
  bool requests_ = false;
  int lock_ = -1;
};

}  // namespace calvo::cli
