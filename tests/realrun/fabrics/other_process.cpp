// A server in a process of its own: this program, started again.
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.hpp"

extern char** environ;

namespace calvo::realrun {
namespace {

/// Lets so many pieces through; who comes later waits for ever.
class Stall final : public SendGate {
public:
  explicit Stall(std::uint64_t pieces) : left_(pieces) {}

  Verdict before_send(std::uint64_t, std::uint64_t) override {
    std::unique_lock lock(mutex_);
    never_.wait(lock, [&] { return left_ > 0 || open_; });
    if (left_ > 0) --left_;
    return Verdict::send;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    never_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable never_;
  std::uint64_t left_;
  bool open_ = false;
};

void read_exactly(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t got = ::read(fd, into.data(), into.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("the server process ended before it made an offer");
    into = into.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

OtherProcess::OtherProcess(const std::string& fabric, std::uint64_t pieces) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  std::string count = std::to_string(pieces);
  std::string name = fabric;
  std::string program = "/proc/self/exe";
  std::string verb = "--serve";
  std::array<char*, 5> arguments = {program.data(), verb.data(), name.data(), count.data(),
                                    nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  const int error =
      posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  keep_alive_ = input[1];
  if (error != 0) {
    pid_ = -1;
    ::close(output[0]);
    throw std::runtime_error("posix_spawn: " + std::string(strerror(error)));
  }
  try {
    read_exactly(output[0], ticket_.bytes);
    std::array<std::byte, 2> size{};
    read_exactly(output[0], size);
    offer_.fabric = fabric;
    offer_.blob.resize(std::to_integer<std::size_t>(size[0]) +
                       256 * std::to_integer<std::size_t>(size[1]));
    read_exactly(output[0], offer_.blob);
  } catch (...) {
    ::close(output[0]);
    kill();
    ::close(keep_alive_);
    throw;
  }
  ::close(output[0]);
}

OtherProcess::~OtherProcess() {
  kill();
  ::close(keep_alive_);
}

void OtherProcess::signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);
}

void OtherProcess::kill() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

int serve_in_this_process(const std::string& name, std::uint64_t pieces) {
  Stall gate(pieces);
  const auto server =
      fabric(name).make_server(shared_pool(), {.bind = bind_address(), .port = 0, .gate = &gate});
  const Ticket mine = ticket(static_cast<std::uint64_t>(getpid()));
  const PoolOffer offer = server->admit(mine);
  const std::array<unsigned char, 2> size = {static_cast<unsigned char>(offer.blob.size() % 256),
                                             static_cast<unsigned char>(offer.blob.size() / 256)};
  std::fwrite(mine.bytes, 1, sizeof mine.bytes, stdout);
  std::fwrite(size.data(), 1, size.size(), stdout);
  std::fwrite(offer.blob.data(), 1, offer.blob.size(), stdout);
  std::fflush(stdout);
  char end = 0;
  while (::read(0, &end, 1) != 0) {
  }
  gate.open();
  return 0;
}

}  // namespace calvo::realrun
