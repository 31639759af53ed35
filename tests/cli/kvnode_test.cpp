// `calvo kvnode`: a process that serves until it is told to end.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

/// A small node, with `more` flags.
std::vector<std::string> node(const std::vector<std::string>& more = {},
                              const std::string& capacity = "64 MiB",
                              const std::string& port = "0") {
  std::vector<std::string> words = {"kvnode",  "--port",       port,
                                    "--model", "Llama-3.1-8B", "--block-tokens",
                                    "16",      "--capacity",   capacity};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// What a file holds so far; nothing if there is none.
std::string text_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

Ran run_until_ready(const Workplace& here, const std::vector<std::string>& words, int signal) {
  return here.run_and_signal(
      words, signal, [&] { return text_of(here / ".stdout").find('\n') != std::string::npos; });
}

TEST(Kvnode, SaysWhereItListensAndWhatItCounted) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Workplace here;
    const Ran ran = run_until_ready(here, node(), signal);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(
        ran.out,
        MatchesRegex("listening on 127.0.0.1:[0-9]+: 31 blocks of 16 tokens of Llama-3.1-8B "
                     "\\(2097152 bytes each\\), fabrics tcp\n"
                     "connections 0 \\(refused 0, malformed 0\\), lookups 0, leases 0 of 0 "
                     "blocks \\(0 missing\\), stored 0 blocks \\(refused 0\\), evicted 0, "
                     "sent 0 bytes, faults 0\n"));
  }
}

#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // which report crashes themselves
TEST(Kvnode, ACrashEndsByItsSignalAndNotByAnExitCodeThatMeansSomething) {
  for (const int signal : {SIGSEGV, SIGABRT}) {
    const Workplace here;
    EXPECT_EQ(run_until_ready(here, node(), signal).exit_code, 128 + signal);
  }
}
#endif

TEST(Kvnode, TakesEverythingFromAScenario) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = run_until_ready(
      here,
      {"kvnode", "--scenario", "s.yaml", "--port", "0", "--capacity", "128 MiB", "--preload",
       "scenario", "--metrics-port", "0", "--pace", "10 Gbit/s", "--faults", "corrupt@1h:0.1"},
      SIGTERM);
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(ran.out,
              MatchesRegex("listening on 127.0.0.1:[0-9]+: 3 blocks of 256 tokens of "
                           "Llama-3.1-8B \\(33554432 bytes each\\), fabrics tcp, metrics at "
                           "http://127.0.0.1:[0-9]+/metrics\n.*\n"));
}

TEST(Kvnode, EndsWithItsParentIfToldTo) {
  const Workplace here;
  std::string command =
      "exec 2>/dev/null; '" + std::string(CALVO_PROGRAM) +
      "' kvnode --die-with-parent --port 0 --model Llama-3.1-8B --block-tokens 16 "
      "--capacity '64 MiB' >'" +
      (here / "out").string() + "' & echo $! >'" + (here / "pid").string() + "'; wait";
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(126);
  }
  for (int tries = 0; text_of(here / "out").find('\n') == std::string::npos && tries < 30'000;
       ++tries) {
    ::usleep(2000);
  }
  ASSERT_THAT(text_of(here / "out"), StartsWith("listening on "));
  const std::string process = std::to_string(std::stol(text_of(here / "pid")));
  ::kill(parent, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  // Gone, or a zombie that whoever inherited it has not looked at yet.
  const auto over = [&] {
    const std::string stat = text_of("/proc/" + process + "/stat");
    return stat.empty() || stat.find(") Z") != std::string::npos;
  };
  int tries = 0;
  for (; !over() && tries < 30'000; ++tries) ::usleep(2000);
  EXPECT_TRUE(over());
}

TEST(Kvnode, MakesAKeyThatItsOwnerCanRead) {
  const Workplace here;
  const Ran ran = here.run({"kvnode", "--make-key", "pool.key"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "wrote a key to pool.key; give it to every engine and node with --key-file\n");
  EXPECT_EQ(here.read("pool.key").size(), 32U);
  struct stat status {};
  ASSERT_EQ(::stat((here / "pool.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const Ran again = here.run({"kvnode", "--make-key", "pool.key"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(again.err,
            "calvo: pool.key:0:0: there is such a file already, and it is not overwritten; give "
            "another name or remove it\n");
}

struct Wrong {
  std::vector<std::string> arguments;
  std::string message;
};

TEST(Kvnode, WhatIsWrongIsNamedWithARemedy) {
  const Workplace here;
  here.write("open.key", std::string(32, 'k'));
  ::chmod((here / "open.key").c_str(), 0644);
  here.write("s.yaml", small_scenario());
  const Wrong cases[] = {
      {{"kvnode"}, "kvnode:1:1: which model's KV is it for? give --scenario FILE or --model NAME"},
      {{"kvnode", "--model", "Llama-3.1-8B"},
       "--capacity:1:1: say how large the pool is, e.g. \"8 GiB\""},
      {{"kvnode", "--model", "Lama-3.1-8B", "--capacity", "1 GiB"},
       "--model:1:1: unknown model \"Lama-3.1-8B\" (did you mean \"Llama-3.1-8B\"?)"},
      {node({}, "8"),
       "--capacity:1:1: missing unit in \"8\" (one of: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"},
      {{"kvnode", "--model", "Llama-3.1-8B", "--capacity", "1 MiB"},
       "--capacity:1:1: the pool is too small: one block takes 33554496 bytes"},
      {node({"--pace", "10 Gbit"}),
       "--pace:1:1: unknown unit \"Gbit\" in \"10 Gbit\" (one of: B/s, kB/s, MB/s, GB/s, TB/s, "
       "KiB/s, MiB/s, "
       "GiB/s, Mbit/s, Gbit/s, Tbit/s)"},
      {node({"--preload", "5"}),
       "--preload:1:1: \"5\" is not FIRST+COUNT (for example 0+1000), with 1 to 1048576 blocks, "
       "nor "
       "\"scenario\""},
      {node({"--preload", "0+99,200+1"}),
       "--preload:1:1: 100 blocks do not fit into a pool of 31; raise --capacity to 209721600 "
       "bytes "
       "or preload fewer"},
      {node({"--preload", "scenario"}), "--preload:1:1: \"scenario\" goes with --scenario FILE"},
      {node({"--faults", "dye@1s"}), "--faults:1:1: unknown fault \"dye\" (did you mean \"die\"?)"},
      {node({"--fabric", "tpc"}), "fabric:0:0: unknown fabric \"tpc\" (did you mean \"tcp\"?)"},
      {node({"--bind", "0.0.0.0"}),
       "kvnode:0:0: 0.0.0.0 can be reached from other machines, so a key is needed; make one with "
       "calvo kvnode --make-key FILE and give it with --key-file FILE"},
      {node({"--key-file", "open.key"}),
       "open.key:0:0: everybody on this machine can read the key; run chmod 600 open.key, and make "
       "a new one if others may have seen it"},
      {node({"--bind", "192.0.2.1", "--key-file", "none.key"}),
       "none.key:0:0: cannot read the key: No such file or directory; make one with calvo kvnode "
       "--make-key none.key and copy it to the other machines"},
      {{"kvnode", "--scenario", "s.yaml", "--node", "3"},
       "--node:1:1: there is no storage node 3: the scenario has 1, counted from 0"},
  };
  for (const Wrong& wrong : cases) {
    const Ran ran = here.run(wrong.arguments);
    EXPECT_EQ(ran.exit_code, 2) << wrong.message;
    EXPECT_EQ(ran.err, "calvo: " + wrong.message + "\n");
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST(Kvnode, APoolBeyondTheMachineIsRefused) {
  const Workplace here;
  const Ran ran = here.run(node({}, "900 TiB"));
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err,
              MatchesRegex("calvo: kvnode:0:0: the pool takes [0-9.]+ GiB and this machine "
                           "has [0-9.]+ GiB left; give it less capacity\n"));
}

TEST(Kvnode, APortInUseIsNamed) {
  const Workplace here;
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const Ran ran = here.run(node({}, "64 MiB", port));
  ::close(taken);
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "calvo: kvnode:0:0: cannot listen on 127.0.0.1 port " + port +
                         ": Address already in use; choose another port, or 0 for any that is "
                         "free\n");
}

}  // namespace
}  // namespace calvo::testing
