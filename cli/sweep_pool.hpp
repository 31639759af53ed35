// Where the points of a sweep are simulated: each in a process of its own, here or on other ranks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// What became of a point that was started.
struct FinishedPoint {
  enum class Kind : std::uint8_t {
    done,        ///< `text` is its summary.json, which lies in its place
    failed,      ///< `text` says why
    unwritable,  ///< its files could not be written; `text` says why
  };
  std::string point;
  Kind kind = Kind::failed;
  std::string text;
  double seconds = 0;  ///< wall time
};

class PointPool {
public:
  virtual ~PointPool() = default;
  PointPool() = default;
  PointPool(const PointPool&) = delete;
  PointPool& operator=(const PointPool&) = delete;

  virtual int slots() const = 0;    ///< points at a time
  virtual int running() const = 0;  ///< points now
  /// Requires: running() < slots().
  virtual void start(const sweeps::Job& job) = 0;
  /// Waits until a point ends, a signal comes, or a moment is over.
  virtual std::vector<FinishedPoint> collect() = 0;
  /// Whether SIGINT or SIGTERM came.
  virtual bool stop_wanted() const = 0;
  /// Ends all that run at once; their points are as if they had never been started.
  virtual void abandon() = 0;
};

/// Children of this process. From here on SIGINT and SIGTERM are seen by collect() only.
class LocalPool final : public PointPool {
public:
  /// `plan` outlives it; `points` is the directory that holds one of each point.
  LocalPool(const sweeps::Plan& plan, std::string points, int slots);
  ~LocalPool() override;

  int slots() const override { return slots_; }
  int running() const override { return static_cast<int>(children_.size()); }
  void start(const sweeps::Job& job) override;
  std::vector<FinishedPoint> collect() override { return collect_within(200); }
  std::vector<FinishedPoint> collect_within(int milliseconds);
  bool stop_wanted() const override { return stop_wanted_; }
  void abandon() override;

private:
  struct Child {
    int process = 0;
    std::string point;
    int result = -1;  ///< memory files
    int messages = -1;
    double started = 0;
  };
  FinishedPoint finish(const Child& child, int status) const;

  const sweeps::Plan& plan_;
  std::string points_;
  int slots_;
  std::vector<Child> children_;
  bool stop_wanted_ = false;
};

}  // namespace calvo::cli
