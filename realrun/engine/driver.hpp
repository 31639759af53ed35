// The runner's driver: carries out the control plane's commands on hardware and delivers its
// events, in wall time. Knows no policy; decides nothing but addresses.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/event_log.hpp"
#include "control/request_book.hpp"
#include "control/router.hpp"
#include "core/run_result.hpp"
#include "core/timeline.hpp"
#include "realrun/engine/ingress.hpp"
#include "realrun/engine/instance_host.hpp"
#include "realrun/engine/metrics.hpp"
#include "realrun/engine/parts.hpp"
#include "realrun/engine/realrun.hpp"

namespace calvo::realrun {

/// One run, on the thread that calls run() and those that it starts. Borrows what it is given.
class Driver {
public:
  /// Connects and takes its memory; starts nothing. Throws InputError or std::runtime_error.
  Driver(scenarios::Scenario& scenario, const RealrunOptions& options, const Parts& parts);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  RealrunResult run();
  /// Async-signal-safe. The run ends soon, incomplete.
  static void request_stop() noexcept;

private:
  struct Wake {
    Instant at{};
    std::uint64_t sequence = 0;
    std::uint32_t host = 0;
    RunId run{};
    bool operator>(const Wake& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  // driver_setup.cpp
  void add_instance(const BlockFormat& format, std::uint64_t config);
  void doubt(std::uint32_t node, const NodeInfo& info);
  void start();
  void stop() noexcept;

  // driver.cpp: events in
  bool next_batch();
  bool finished();
  void wait();
  void take(const Notice& notice);
  void take_event(const Notice& notice);
  void rail_changed(const Notice& notice);
  void note_loss(const Notice& notice);
  void complain(const std::string& text);
  void deliver();
  void post(std::uint32_t host, const control::Event& event);
  void show_progress();

  // driver_flights.cpp: transfers that are over
  void fetched(InstanceHost& host, const Notice& notice);
  void drained(InstanceHost& host, RunId run);
  void copied(InstanceHost& host, const Notice& notice);
  void stored(InstanceHost& host, const Notice& notice);
  void stepped(InstanceHost& host, const Notice& notice);
  void bar(std::uint32_t track, const Flight& flight, const char* what, const Notice& notice);

  // driver_commands.cpp: commands out
  void share_pages(InstanceHost& host);
  void execute(std::uint32_t host);
  void execute(std::uint32_t host, const control::Command& command);
  void look_up(InstanceHost& host, const control::Command& command);
  void fetch(InstanceHost& host, const control::Command& command);
  void copy_in(InstanceHost& host, const control::Command& command);
  void copy_out(std::uint32_t host, const control::Command& command);
  void store(std::uint32_t host, const control::Command& command);
  void run_step(InstanceHost& host, const control::Command& command);
  std::int64_t iterations_that_fit(InstanceHost& host, const control::Command& command) const;
  void end_request(const control::Command& command);
  std::uint32_t choose_rail(const InstanceHost& host, std::span<const StorageId> nodes) const;
  bool still_there(const Places& places, std::span<const BlockId> blocks) const;
  bool stage(std::int64_t& staged, std::int64_t counted, std::size_t blocks) const;
  void was_lost(std::uint32_t host, RunId run);
  template <class T, class Order>
  void send(Ring<T>& ring, Order order);

  // driver_report.cpp
  RealrunResult collect();
  void add_resources(RunResult& result, Instant begin, Instant end);
  LoadReport load_report();

  scenarios::Scenario& scenario_;
  const RealrunOptions& options_;
  const Parts& parts_;
  WallClock clock_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  NoticeRing notices_;
  Connector connector_;
  Timeline timeline_;
  control::Router router_;
  std::deque<InstanceHost> hosts_;
  std::unique_ptr<Ingress> ingress_;
  std::unique_ptr<Metrics> metrics_;
  control::EventLogWriter log_;
  control::CommandBuffer commands_;

  control::RequestBook requests_;
  std::vector<std::int64_t> generated_;  ///< by request id: tokens it has produced
  std::vector<traces::Due> follow_ups_;
  std::vector<Notice> batch_;
  std::vector<Notice> backlog_;  ///< taken out of the ring before their time
  std::vector<control::Event> router_inbox_;
  std::vector<std::uint32_t> touched_;
  std::vector<Wake> timers_;  ///< a heap
  std::uint64_t next_timer_ = 0;
  Instant now_{};
  std::int64_t scheduled_ = 0;  ///< requests that have arrived or will
  std::int64_t in_flight_ = 0;  ///< lookups, transfers, quarantines, steps
  Instant next_progress_{};
  RunResult result_;
  std::vector<double> lateness_;
  std::vector<std::string> complaints_;
  struct Absence {
    LostNode of;
    std::int32_t rails = 0;  ///< that do not reach it now
  };
  std::map<std::uint32_t, Absence> absences_;  ///< by node, of those that were ever lost
  struct CpuTimes {
    double process = 0;
    struct Core {
      double busy = 0, all = 0;
    };
    std::map<int, Core> cores;  ///< by number: those that are offline are not among them
  };
  static CpuTimes cpu_times();
  CpuTimes cpu_before_;
  bool started_ = false;
};

}  // namespace calvo::realrun
