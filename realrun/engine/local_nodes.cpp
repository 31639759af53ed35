#include "realrun/engine/local_nodes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/storage_placement.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/system_call.hpp"
#include "realrun/engine/parts.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t key_bytes = 32;
/// A link that paused no longer is taken for one that was busy; predictions know of no such credit.
constexpr Seconds late_sender{0.002};

/// What a child says first: its port, or 0 and a text behind it.
struct FirstWord {
  std::uint16_t port = 0;
  std::uint16_t text_bytes = 0;
};

bool write_all(int line, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(line, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool read_all(int line, void* data, std::size_t size) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(line, bytes, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void add(NodeCounters& sum, const NodeCounters& more) {
  sum.connections += more.connections;
  sum.refused_handshakes += more.refused_handshakes;
  sum.malformed_frames += more.malformed_frames;
  sum.lookups += more.lookups;
  sum.leases += more.leases;
  sum.leased_blocks += more.leased_blocks;
  sum.missing_blocks += more.missing_blocks;
  sum.stored_blocks += more.stored_blocks;
  sum.refused_blocks += more.refused_blocks;
  sum.evicted_blocks += more.evicted_blocks;
  sum.sent_bytes += more.sent_bytes;
  sum.faults += more.faults;
}

}  // namespace

std::vector<BlockRun> initial_share(const scenarios::Scenario& scenario, std::uint32_t node) {
  const control::InstanceResources& pool = scenario.instance;
  const auto nodes = static_cast<std::uint32_t>(pool.storage_nodes);
  CALVO_EXPECT(node < nodes);
  std::vector<BlockRun> share;
  for (BlockRun run : scenario.workload->initially_stored()) {
    while (run.count > 0) {
      const control::PlacedRun piece = control::leading_extent(run, pool);
      const std::uint32_t copy = (node + nodes - raw(piece.node)) % nodes;
      if (copy < static_cast<std::uint32_t>(pool.storage_replicas)) share.push_back(piece.blocks);
      run = behind(run, piece.blocks.count);
    }
  }
  return share;
}

LocalNodes::LocalNodes(const scenarios::Scenario& scenario, const LocalNodeOptions& options)
    : key_(key_bytes) {
  must(::getrandom(key_.data(), key_.size(), 0) == static_cast<ssize_t>(key_.size()),
       "random numbers for a key");
  try {
    for (std::int32_t i = 0; i < scenario.instance.storage_nodes; ++i) {
      NodeOptions node;
      node.key = key_;
      node.config = node_config(scenario, options.model_seed);
      node.capacity_blocks = scenario.remote_blocks;
      node.index = static_cast<std::uint32_t>(i);
      node.preload.runs = initial_share(scenario, static_cast<std::uint32_t>(i));
      node.synthetic_on_demand = options.synthetic;
      node.fabrics = {options.fabric};
      node.pace = options.pace;
      if (options.pace) {
        node.pace_burst = static_cast<std::int64_t>(options.pace->count() * late_sender.count());
      }
      const auto index = static_cast<std::size_t>(i);
      if (index < options.faults.size()) node.faults = options.faults[index];
      start(node);
    }
  } catch (...) {
    stop();
    throw;
  }
}

LocalNodes::~LocalNodes() {
  stop();
}

void LocalNodes::start(const NodeOptions& options) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process == 0) {
    for (const Child& sibling : children_) ::close(sibling.line);
    ::close(ends[0]);
    be_node(options, ends[1], parent);
  }
  ::close(ends[1]);
  if (process < 0) ::close(ends[0]);
  must(process > 0, "fork");
  children_.push_back({process, ends[0]});
  const std::string name = "storage node " + std::to_string(children_.size() - 1);
  FirstWord word;
  if (!read_all(ends[0], &word, sizeof word)) {
    throw std::runtime_error(name + " ended before it could serve");
  }
  if (word.port == 0) {
    std::string text(word.text_bytes, ' ');
    read_all(ends[0], text.data(), text.size());
    throw InputError({name, 0, 0}, "", text);
  }
  endpoints_.push_back({"127.0.0.1", word.port});
}

/// In the child: serves until the parent closes the line or dies.
void LocalNodes::be_node(const NodeOptions& options, int line, pid_t parent) {
  ::setpgid(0, 0);  // the terminal's Ctrl-C is for the parent, which ends its nodes in order
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);  // it died before the system knew that we care
  FirstWord word;
  std::string text;
  int code = 0;
  try {
    const NodeServer server(options);
    word.port = server.port();
    char byte = 0;
    if (write_all(line, &word, sizeof word) && !read_all(line, &byte, 1)) {
      const NodeCounters counters = server.counters();
      write_all(line, &counters, sizeof counters);
    }
  } catch (const std::exception& error) {
    text = error.what();
    code = 1;
  }
  if (word.port == 0) {
    word.text_bytes = static_cast<std::uint16_t>(std::min<std::size_t>(text.size(), 4096));
    write_all(line, &word, sizeof word);
    write_all(line, text.data(), word.text_bytes);
  }
  ::_exit(code);
}

LocalNodes::Ended LocalNodes::stop() {
  Ended ended;
  for (const Child& child : children_) ::shutdown(child.line, SHUT_WR);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const Child& child = children_[i];
    const bool served = i < endpoints_.size();
    NodeCounters counters;
    const bool told = served && read_all(child.line, &counters, sizeof counters);
    ::close(child.line);
    int status = 0;
    while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
    }
    if (told) {
      add(ended.counters, counters);
    } else if (served) {
      ended.complaints.push_back(
          "storage node " + std::to_string(i) + " ended during the run" +
          (WIFSIGNALED(status) ? ", by signal " + std::to_string(WTERMSIG(status)) : ""));
    }
  }
  children_.clear();
  return ended;
}

}  // namespace calvo::realrun
