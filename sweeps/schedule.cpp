#include "sweeps/schedule.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::sweeps {

/// Asks for points, waits for all of them, and asks again.
class Schedule::Task {
public:
  explicit Task(Schedule& schedule) : schedule_(schedule) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// Called when nothing that was asked for is open; asks for more, or for nothing when it is done.
  virtual void go_on() = 0;
  virtual void append_cells(std::vector<CellRecord>& cells) const = 0;
  virtual std::size_t may_follow() const = 0;

  std::size_t open = 0;

protected:
  void want(const Cell& cell, std::uint64_t seed) { schedule_.want(*this, cell, seed); }
  Schedule& schedule_;
};

/// The seeds of one cell, and more of them as long as `until` says so.
class Schedule::GridTask final : public Task {
public:
  GridTask(Schedule& schedule, const Cell& cell) : Task(schedule), cell_(cell) {
    if (const auto& until = schedule.plan_.file().until) {
      stopping_.emplace(*until, schedule.plan_.seeds().size());
    }
  }

  void go_on() override {
    if (seeds_.empty()) {
      more(stopping_ ? stopping_->looks().front() : schedule_.plan_.seeds().size());
      return;
    }
    if (!stopping_ || done_) return;
    looks_ += 1;
    reached_ = stopping_->narrow_enough(
        schedule_.values(cell_, seeds_, schedule_.plan_.file().until->metric));
    done_ = reached_ || looks_ == stopping_->looks().size();
    if (!done_) more(stopping_->looks()[looks_]);
  }

  void append_cells(std::vector<CellRecord>& cells) const override {
    CellRecord record{&cell_, seeds_, std::nullopt, std::nullopt};
    if (stopping_) record.stopped = {static_cast<int>(looks_), stopping_->level(), reached_};
    cells.push_back(std::move(record));
  }

  std::size_t may_follow() const override {
    return stopping_ && !done_ ? stopping_->looks().back() - seeds_.size() : 0;
  }

private:
  void more(std::size_t count) {
    const std::vector<std::uint64_t>& given = schedule_.plan_.seeds();
    const std::uint64_t beyond = *std::ranges::max_element(given) + 1;
    while (seeds_.size() < count) {
      const std::size_t next = seeds_.size();
      seeds_.push_back(next < given.size() ? given[next] : beyond + (next - given.size()));
      want(cell_, seeds_.back());
    }
  }

  const Cell& cell_;
  std::optional<Stopping> stopping_;
  std::vector<std::uint64_t> seeds_;
  std::size_t looks_ = 0;
  bool reached_ = false;
  bool done_ = false;
};

/// One rate search, all seeds at each rate.
class Schedule::SearchTask final : public Task {
public:
  SearchTask(Schedule& schedule, std::size_t group)
      : Task(schedule), group_(group), search_(options(schedule.plan_)) {}

  void go_on() override {
    if (given_up_) return;
    const std::vector<std::uint64_t>& seeds = schedule_.plan_.seeds();
    for (const double rate : asked_) {
      const std::vector<double> values =
          schedule_.values(*cells_.at(rate), seeds, "slo_attainment");
      if (values.size() < seeds.size()) {  // a point failed, or no request has an objective
        given_up_ = true;
        return;
      }
      const analysis::MeanInterval mean = analysis::mean_interval(values);
      search_.tell({rate, mean.mean, mean.interval});
    }
    asked_ = search_.wanted();
    for (const double rate : asked_) {
      const auto& cell = cells_[rate] =
          std::make_unique<Cell>(schedule_.plan_.cell_at(group_, rate));
      for (const std::uint64_t seed : seeds) want(*cell, seed);
    }
  }

  void append_cells(std::vector<CellRecord>& cells) const override {
    for (const auto& [rate, cell] : cells_) {
      cells.push_back({cell.get(), schedule_.plan_.seeds(), std::nullopt, group_});
    }
  }

  std::size_t may_follow() const override {
    if (given_up_ || asked_.empty()) return 0;
    const auto left = static_cast<std::size_t>(search_.most_left());
    return (left - std::min(left, asked_.size())) * schedule_.plan_.seeds().size();
  }

private:
  static RateSearch::Options options(const Plan& plan) {
    const Goodput::Search& wanted = *plan.file().goodput.search;
    return {wanted.from, wanted.to, wanted.tolerance, plan.file().goodput.attainment};
  }

  std::size_t group_;
  RateSearch search_;
  std::map<double, std::unique_ptr<Cell>> cells_;
  std::vector<double> asked_;
  bool given_up_ = false;
};

Schedule::Schedule(const Plan& plan) : plan_(plan) {
  for (const Cell& cell : plan.grid()) tasks_.push_back(std::make_unique<GridTask>(*this, cell));
  if (plan.file().goodput.search) {
    for (std::size_t i = 0; i < plan.groups().size(); ++i) {
      tasks_.push_back(std::make_unique<SearchTask>(*this, i));
    }
  }
  for (const auto& task : tasks_) ready_.push_back(task.get());
  settle();
}

Schedule::~Schedule() = default;

void Schedule::settle() {
  while (!ready_.empty()) {
    const std::vector<Task*> ready = std::exchange(ready_, {});
    for (Task* task : ready) task->go_on();
  }
}

void Schedule::want(Task& task, const Cell& cell, std::uint64_t seed) {
  const std::string point = cell.point(seed);
  if (outcomes_.contains(point)) {  // another task wanted it before: it costs nothing
    if (task.open == 0 && std::ranges::find(ready_, &task) == ready_.end()) ready_.push_back(&task);
    return;
  }
  const auto [entry, is_new] = pending_.try_emplace(point);
  entry->second.tasks.push_back(&task);
  task.open += 1;
  std::erase(ready_, &task);
  if (is_new) fresh_.push_back({&cell, seed});
}

std::vector<Job> Schedule::take() {
  return std::exchange(fresh_, {});
}

void Schedule::record(const std::string& point, PointOutcome outcome) {
  const auto entry = pending_.find(point);
  CALVO_EXPECT(entry != pending_.end());
  if (std::holds_alternative<Failure>(outcome)) failed_ += 1;
  outcomes_.emplace(point, std::move(outcome));
  const std::vector<Task*> tasks = std::move(entry->second.tasks);
  pending_.erase(entry);
  for (Task* task : tasks) {
    task->open -= 1;
    if (task->open == 0) ready_.push_back(task);
  }
  settle();
}

std::size_t Schedule::may_follow() const {
  std::size_t count = 0;
  for (const auto& task : tasks_) count += task->may_follow();
  return count;
}

std::vector<CellRecord> Schedule::cells() const {
  std::vector<CellRecord> cells;
  for (const auto& task : tasks_) task->append_cells(cells);
  return cells;
}

const PointOutcome* Schedule::outcome(const std::string& point) const {
  const auto entry = outcomes_.find(point);
  return entry == outcomes_.end() ? nullptr : &entry->second;
}

std::vector<double> Schedule::values(const Cell& cell, const std::vector<std::uint64_t>& seeds,
                                     const std::string& metric) const {
  std::vector<double> values;
  for (const std::uint64_t seed : seeds) {
    const PointOutcome* known = outcome(cell.point(seed));
    if (known == nullptr) continue;
    const auto* result = std::get_if<analysis::PointResult>(known);
    if (result == nullptr) continue;
    if (const auto value = result->metric(metric)) values.push_back(*value);
  }
  return values;
}

}  // namespace calvo::sweeps
