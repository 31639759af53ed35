// Ranks that give each other points over MPI. Rank 0 sends each a point when it has room; so those
// that are quick get more. Everybody polls: a blocking call of MPI would take the core of a point.
#include "cli/sweep_mpi.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <mpi.h>
#include <nlohmann/json.hpp>

#include "cli/guard.hpp"
#include "cli/verb.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {
namespace {

using Json = nlohmann::json;

constexpr int poll_ms = 2;

enum Tag : int {
  hello = 1,  ///< to rank 0: {slots, identity} or {error}; the first message of a rank
  task,       ///< from rank 0: a point
  result,     ///< to rank 0: what became of it
  abandon,    ///< from rank 0: end all points at once
  stop,       ///< from rank 0: the last message to a rank
  bye,        ///< to rank 0: the last message of a rank
};

struct Message {
  int tag = 0;
  Json body;
};

void send(int rank, Tag tag, const Json& body) {
  const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, rank, tag, MPI_COMM_WORLD);
}

Message receive(const MPI_Status& probed) {
  int size = 0;
  MPI_Get_count(&probed, MPI_CHAR, &size);
  std::string text(static_cast<std::size_t>(size), ' ');
  MPI_Recv(text.data(), size, MPI_CHAR, probed.MPI_SOURCE, probed.MPI_TAG, MPI_COMM_WORLD,
           MPI_STATUS_IGNORE);
  return {probed.MPI_TAG, Json::parse(text)};
}

/// Whether a message waits; what it is then.
bool probe(int rank, MPI_Status& status) {
  int there = 0;
  MPI_Iprobe(rank, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status);
  return there != 0;
}

void pause_a_little() {
  const timespec time{0, poll_ms * 1'000'000L};
  ::nanosleep(&time, nullptr);
}

Message wait_for(int rank) {
  MPI_Status status;
  while (!probe(rank, status)) pause_a_little();
  return receive(status);
}

Json to_json(const sweeps::Job& job) {
  return {{"kind", job.cell->kind == analysis::PointKind::grid ? "grid" : "search"},
          {"index", job.cell->index},
          {"rate", job.cell->search_rate},
          {"seed", job.seed}};
}

/// Calls `use` with the point that `to_json` made the message of.
template <class Use>
void with_job(const sweeps::Plan& plan, const Json& message, Use use) {
  const std::size_t index = message.at("index");
  const std::uint64_t seed = message.at("seed");
  if (message.at("kind") == "grid") {
    use(sweeps::Job{&plan.grid().at(index), seed});
    return;
  }
  const sweeps::Cell cell = plan.cell_at(index, message.at("rate"));
  use(sweeps::Job{&cell, seed});
}

/// Rank 0's view of all slots.
class RankPool final : public PointPool {
public:
  RankPool(const sweeps::Plan& plan, const std::string& points, int jobs,
           std::vector<int> far_slots)
      : local_(plan, points, jobs), free_(std::move(far_slots)) {
    for (const int slots : free_) far_slots_ += slots;
  }

  int slots() const override { return local_.slots() + far_slots_; }
  int running() const override { return local_.running() + static_cast<int>(far_.size()); }

  void start(const sweeps::Job& job) override {
    if (local_.running() < local_.slots()) {
      local_.start(job);
      return;
    }
    const auto rank = std::ranges::max_element(free_);
    CALVO_EXPECT(*rank > 0);
    const int number = static_cast<int>(rank - free_.begin());
    send(number, task, to_json(job));
    *rank -= 1;
    far_.emplace(job.point(), number);
  }

  std::vector<FinishedPoint> collect() override {
    std::vector<FinishedPoint> points = local_.collect_within(poll_ms);
    MPI_Status status;
    while (probe(MPI_ANY_SOURCE, status)) {
      const Message message = receive(status);
      CALVO_EXPECT(message.tag == result);
      FinishedPoint point;
      point.point = message.body.at("point");
      point.kind = message.body.at("kind").get<FinishedPoint::Kind>();
      point.text = message.body.at("text");
      point.seconds = message.body.at("seconds");
      const auto entry = far_.find(point.point);
      CALVO_EXPECT(entry != far_.end());
      free_[static_cast<std::size_t>(entry->second)] += 1;
      far_.erase(entry);
      points.push_back(std::move(point));
    }
    return points;
  }

  bool stop_wanted() const override { return local_.stop_wanted(); }

  void abandon() override {
    local_.abandon();
    if (far_.empty()) return;
    for (std::size_t rank = 1; rank < free_.size(); ++rank) {
      send(static_cast<int>(rank), Tag::abandon, nullptr);
    }
    far_.clear();
  }

private:
  LocalPool local_;
  std::vector<int> free_;  ///< slots by rank; 0 for rank 0
  int far_slots_ = 0;
  std::map<std::string, int> far_;  ///< point -> rank
};

class MpiRanks final : public Ranks {
public:
  MpiRanks() {
    // Before MPI makes threads: they too must leave the signals to the pool.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SINGLE, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  ~MpiRanks() override { MPI_Finalize(); }

  int run(const std::function<int()>& lead, const std::function<sweeps::Plan()>& plan,
          int jobs) override {
    if (rank_ == 0) {
      std::exception_ptr problem;
      int code = success;
      try {
        code = lead();
      } catch (...) {
        problem = std::current_exception();
      }
      dismiss();
      if (problem) std::rethrow_exception(problem);
      return code;
    }
    try {
      serve(plan, jobs > 0 ? jobs : 1);
    } catch (const std::exception& error) {
      complain(fmt::format("rank {}: {}", rank_, error.what()));
      MPI_Abort(MPI_COMM_WORLD, bug);
    }
    return success;
  }

  std::unique_ptr<PointPool> pool(const sweeps::Plan& plan, const std::string& points,
                                  int jobs) override {
    std::vector<int> slots(static_cast<std::size_t>(size_), 0);
    const std::string identity = plan.identity();
    for (const auto& [rank, greeting] : greetings()) {
      if (greeting.contains("error")) {
        throw InputError({fmt::format("rank {}", rank), 0, 0}, "",
                         greeting.at("error").get<std::string>());
      }
      if (greeting.at("identity") != identity) {
        throw InputError({fmt::format("rank {}", rank), 0, 0}, "",
                         "reads another sweep file or scenario; put them on a shared file system");
      }
      slots[static_cast<std::size_t>(rank)] = greeting.at("slots");
      send(rank, task, points);
    }
    return std::make_unique<RankPool>(plan, points, jobs, std::move(slots));
  }

private:
  /// Each other rank's first message; waits for it.
  const std::map<int, Json>& greetings() {
    for (int rank = 1; rank < size_; ++rank) {
      if (!greetings_.contains(rank)) greetings_[rank] = wait_for(rank).body;
    }
    return greetings_;
  }

  /// Sends the others home. What they still had to say is lost.
  void dismiss() {
    greetings();
    for (int rank = 1; rank < size_; ++rank) send(rank, stop, nullptr);
    for (int rank = 1; rank < size_; ++rank) {
      while (wait_for(rank).tag != bye) {
      }
    }
  }

  /// What ranks above 0 do.
  static void serve(const std::function<sweeps::Plan()>& read_plan, int jobs) {
    std::optional<sweeps::Plan> plan;
    Json greeting;
    try {
      plan.emplace(read_plan());
      greeting = {{"slots", jobs}, {"identity", plan->identity()}};
    } catch (const InputError& error) {
      greeting = {{"error", error.what()}};
    }
    send(0, hello, greeting);
    Message message = wait_for(0);
    if (message.tag == task) {
      LocalPool pool(*plan, message.body.get<std::string>(), jobs);
      while (message.tag != stop) message = serve_one(*plan, pool);
    }
    send(0, bye, nullptr);
  }

  /// Works until a message comes that ends something, and returns that. Signals are rank 0's: a
  /// launcher sends them to all.
  static Message serve_one(const sweeps::Plan& plan, LocalPool& pool) {
    while (true) {
      for (const FinishedPoint& point : pool.collect_within(poll_ms)) {
        send(0, result,
             {{"point", point.point},
              {"kind", point.kind},
              {"text", point.text},
              {"seconds", point.seconds}});
      }
      MPI_Status status;
      if (!probe(0, status)) continue;
      Message message = receive(status);
      if (message.tag == abandon || message.tag == stop) {
        pool.abandon();
        return message;
      }
      with_job(plan, message.body, [&](const sweeps::Job& job) { pool.start(job); });
    }
  }

  int rank_ = 0;
  int size_ = 1;
  std::map<int, Json> greetings_;
};

}  // namespace

std::unique_ptr<Ranks> join_mpi() {
  return std::make_unique<MpiRanks>();
}

}  // namespace calvo::cli
