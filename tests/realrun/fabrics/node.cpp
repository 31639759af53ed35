// A storage node in a process of its own: this program, started again. It takes orders on its
// input, each a verb and a ticket, and answers each with a length and as many bytes.
#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.hpp"
#include "tests/realrun/shared_memory.hpp"

extern char** environ;

namespace calvo::realrun {
namespace {

/// Lets so many pieces through; who comes later waits until the end.
class Stall final : public SendGate {
public:
  explicit Stall(std::uint64_t pieces) : left_(pieces) {}

  Verdict before_send(std::uint64_t, std::uint64_t) override {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return left_ > 0 || open_; });
    if (left_ > 0) --left_;
    return Verdict::send;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::uint64_t left_;
  bool open_ = false;
};

bool read_all_of(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t got = ::read(fd, into.data(), into.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

bool write_all_of(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

/// What comes before the command of a node, for nodes on other machines.
std::vector<std::string> launcher() {
  const char* text = std::getenv("CALVO_FABRIC_LAUNCHER");
  std::istringstream words(text == nullptr ? "" : text);
  return {std::istream_iterator<std::string>(words), {}};
}

struct Order {
  char verb = 0;
  Ticket ticket;
};

void answer_with(std::span<const std::byte> bytes) {
  const std::uint32_t size = static_cast<std::uint32_t>(bytes.size());
  write_all_of(1, std::as_bytes(std::span(&size, 1)));
  write_all_of(1, bytes);
}

}  // namespace

Node::Node(const NodePlan& plan) : fabric_(plan.fabric) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  std::vector<std::string> words = launcher();
  words.insert(words.end(), {std::filesystem::read_symlink("/proc/self/exe"), "--serve",
                             plan.fabric, std::to_string(plan.seed),
                             std::to_string(plan.pool_bytes), std::to_string(plan.pieces)});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  const int error =
      posix_spawnp(&pid_, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  orders_ = input[1];
  answers_ = output[0];
  if (error != 0) {
    pid_ = -1;
    throw std::runtime_error("posix_spawn: " + std::string(strerror(error)));
  }
}

Node::~Node() {
  kill();
  ::close(orders_);
  ::close(answers_);
}

PoolOffer Node::admit(const Ticket& ticket) {
  order('A', ticket);
  return {fabric_, answer()};
}

void Node::revoke(const Ticket& ticket) {
  order('R', ticket);
  answer();
}

void Node::overwrite_pool() {
  order('O', Ticket{});
  answer();
}

void Node::signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);
}

void Node::kill() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  remove_shared_memory(pid_);
  pid_ = -1;
}

void Node::stop() {
  ::close(orders_);
  orders_ = -1;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

void Node::order(char verb, const Ticket& ticket) {
  const Order message{verb, ticket};
  if (!write_all_of(orders_, std::as_bytes(std::span(&message, 1)))) {
    throw std::runtime_error("the storage node has ended");
  }
}

std::vector<std::byte> Node::answer() {
  std::uint32_t size = 0;
  if (!read_all_of(answers_, std::as_writable_bytes(std::span(&size, 1)))) {
    throw std::runtime_error("the storage node has ended");
  }
  std::vector<std::byte> bytes(size);
  if (!read_all_of(answers_, bytes)) throw std::runtime_error("the storage node has ended");
  return bytes;
}

int serve_in_this_process(const NodePlan& plan) {
  Stall gate(plan.pieces);
  std::vector<std::byte> pool = make_pool(plan.seed, plan.pool_bytes);
  const auto server =
      fabric(plan.fabric).make_server(pool, {.bind = bind_address(plan.fabric), .gate = &gate});
  Order order;
  while (read_all_of(0, std::as_writable_bytes(std::span(&order, 1)))) {
    switch (order.verb) {
      case 'A':
        answer_with(server->admit(order.ticket).blob);
        break;
      case 'R':
        server->revoke(order.ticket);
        answer_with({});
        break;
      case 'O':
        std::ranges::fill(pool, Node::overwritten);
        answer_with({});
        break;
      default:
        return 1;
    }
  }
  gate.open();
  return 0;
}

}  // namespace calvo::realrun
