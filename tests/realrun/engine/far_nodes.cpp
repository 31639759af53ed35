#include "tests/realrun/engine/far_nodes.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/verbs.hpp"
#include "tests/realrun/shared_memory.hpp"

extern char** environ;

namespace calvo::realrun::testing {
namespace {

std::string environment(const char* name, const std::string& fallback = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::string bind_address(const std::string& fabric) {
  const auto devices = fabric == "verbs" ? verbs_addresses() : std::vector<std::string>();
  return environment("CALVO_FABRIC_BIND", devices.empty() ? "127.0.0.1" : devices.front());
}

/// One line, without its end; empty if the other side is gone.
std::string read_line(int line) {
  std::string text;
  for (char c = 0;;) {
    const ssize_t got = ::read(line, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n') return text;
    text += c;
  }
}

void write_text(int line, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t put = ::send(line, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw std::runtime_error("the storage node has ended");
    sent += static_cast<std::size_t>(put);
  }
}

int end_of(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

pid_t spawn(std::vector<std::string> words, int line) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, line, 0);
  posix_spawn_file_actions_adddup2(&actions, line, 1);
  pid_t process = -1;
  const int error =
      posix_spawnp(&process, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(words[0] + ": " + std::strerror(error));
  return process;
}

}  // namespace

std::vector<std::string> fabrics_to_test() {
  const std::string wanted = environment("CALVO_FABRIC");
  if (!wanted.empty()) return {wanted};
  return {"tcp", "ofi:tcp;ofi_rxm", "ofi:shm"};
}

std::string why_skipped(const std::string& name) {
  try {
    fabric(name);
    return {};
  } catch (const std::exception& error) {
    EXPECT_EQ(environment("CALVO_FABRIC"), "") << error.what();
    return error.what();
  }
}

std::string plain(std::string fabric) {
  std::ranges::replace_if(
      fabric, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return fabric;
}

FarNodes::FarNodes(const Plan& plan) : fabric_(plan.fabric) {
  const std::int32_t count = small_scenario(plan.overrides).instance.storage_nodes;
  for (std::int32_t i = 0; i < count; ++i) start(plan, static_cast<std::uint32_t>(i));
}

FarNodes::~FarNodes() {
  for (const Child& child : children_) {
    if (child.process < 0) continue;
    ::kill(child.process, SIGCONT);
    ::shutdown(child.line, SHUT_WR);
    const int status = end_of(child.process);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
    ::close(child.line);
  }
}

void FarNodes::start(const Plan& plan, std::uint32_t node) {
  std::istringstream launcher(environment("CALVO_FABRIC_LAUNCHER"));
  std::vector<std::string> words{std::istream_iterator<std::string>(launcher), {}};
  words.push_back(std::filesystem::read_symlink("/proc/self/exe"));
  words.emplace_back("--far-node");
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error("socketpair");
  }
  children_.push_back({spawn(words, ends[1]), ends[0], {}});
  ::close(ends[1]);
  const std::string bind = bind_address(plan.fabric);
  std::string text = plan.fabric + "\n" + bind + "\n" + std::to_string(node) + "\n" +
                     (plan.contents == Contents::initial ? "initial" : "empty") + "\n" +
                     plan.faults + "\n" + std::to_string(plan.overrides.size()) + "\n";
  for (const std::string& override : plan.overrides) text += override + "\n";
  Child& child = children_.back();
  write_text(child.line, text);
  const std::string port = read_line(child.line);
  if (port.empty()) throw std::runtime_error("the storage node did not start");
  child.endpoint = {environment("CALVO_FABRIC_HOST", bind),
                    static_cast<std::uint16_t>(std::stoul(port))};
}

RealrunOptions FarNodes::options() const {
  std::vector<Endpoint> endpoints;
  for (const Child& child : children_) endpoints.push_back(child.endpoint);
  RealrunOptions options = options_for(endpoints);
  options.fabric = fabric_;
  return options;
}

std::uint64_t FarNodes::stored_blocks() const {
  std::uint64_t blocks = 0;
  for (const Child& child : children_) {
    if (child.process < 0) continue;
    write_text(child.line, "stored\n");
    blocks += std::stoull(read_line(child.line));
  }
  return blocks;
}

void FarNodes::stop(std::size_t node) {
  ::kill(children_[node].process, SIGSTOP);
}

void FarNodes::kill(std::size_t node) {
  Child& child = children_[node];
  ::kill(child.process, SIGKILL);
  end_of(child.process);
  ::close(child.line);
  remove_shared_memory(child.process);
  child.process = -1;
}

int be_far_node() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto next = [] {
    std::string line;
    std::getline(std::cin, line);
    return line;
  };
  try {
    const std::string fabric = next();
    const std::string bind = next();
    const auto node = static_cast<std::uint32_t>(std::stoul(next()));
    const Contents contents = next() == "initial" ? Contents::initial : Contents::empty;
    const std::string script = next();
    std::vector<std::string> overrides(std::stoul(next()));
    for (std::string& override : overrides) override = next();
    NodeOptions options = node_options(small_scenario(overrides), contents, node,
                                       script.empty() ? FaultScript{} : parse_fault_script(script));
    options.bind = bind;
    options.fabrics = {fabric};
    const NodeServer server(options);
    std::cout << server.port() << std::endl;
    while (next() == "stored") std::cout << server.counters().stored_blocks << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "storage node: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}

}  // namespace calvo::realrun::testing
