// `calvo realrun`: a scenario on sockets, copies and arithmetic, with storage nodes of its own.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/cli/program.hpp"
#include "tests/realrun/tiny_scenario.hpp"

namespace calvo::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string tiny() {
  return tiny_scenario("20", "200 /s");
}

nlohmann::json parse(const std::string& text) {
  return nlohmann::json::parse(text);
}

/// Processes whose command line has `word`; this one apart.
int processes_with(const std::string& word) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stream(entry.path() / "cmdline", std::ios::binary);
    std::string line;
    std::getline(stream, line);  // nothing of a process that has just ended
    count += line.find(word) != std::string::npos ? 1 : 0;
  }
  return count;
}

TEST(Realrun, WritesWhatARunWritesAndSaysHowTheLoadWas) {
  const Workplace here;
  here.write("s.yaml", tiny());
  const Ran ran = here.run({"realrun", "s.yaml", "--events", "--canaries"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(ran.out, HasSubstr("Successful requests:                        20\n"));
  EXPECT_THAT(ran.out, ContainsRegex("Arrivals late, P50 / P99 \\(ms\\): +[0-9.]+ / [0-9.]+\n"));
  EXPECT_THAT(ran.out, HasSubstr("run directory: runs/tiny-calvo-1-real\n"));
  const std::string run = "runs/tiny-calvo-1-real/";
  for (const char* file : {"scenario.resolved.yaml", "environment.json", "summary.json",
                           "requests.csv", "timeline.json", "events.bin"}) {
    EXPECT_TRUE(std::filesystem::exists(here / (run + file))) << file;
  }
  const nlohmann::json environment = parse(here.read(run + "environment.json"));
  EXPECT_EQ(environment["driver"], "realrun");
  EXPECT_EQ(environment["fabric"], "tcp");
  EXPECT_EQ(environment["device"], "host");
  const nlohmann::json summary = parse(here.read(run + "summary.json"));
  EXPECT_EQ(summary["completed"], 20);
  EXPECT_EQ(summary["complete"], true);
  const nlohmann::json& load = summary["load"];
  for (const char* key : {"lateness_p50_s", "lateness_p99_s", "cpu_busy", "machine_busy",
                          "spare_cpu_busy", "verify_s", "lookup_p50_s", "lease_p50_s"}) {
    EXPECT_TRUE(load[key].is_number()) << key;
  }
  EXPECT_EQ(load["verified_blocks"], summary["counters"]["fetched_blocks"]);
  EXPECT_GT(load["verified_blocks"], 0);
  EXPECT_EQ(load["corrupt_blocks"], 0);

  // Resources have the names of a simulation.
  ASSERT_EQ(here.run({"run", "s.yaml", "--quiet", "--out", "simulated"}).exit_code, 0);
  const nlohmann::json simulated = parse(here.read("simulated/summary.json"));
  for (const auto& [name, use] : summary["utilization"].items()) {
    EXPECT_TRUE(simulated["utilization"].contains(name)) << name;
  }
  for (const auto& [name, use] : summary["occupancy"].items()) {
    EXPECT_TRUE(simulated["occupancy"].contains(name)) << name;
  }

  const Ran replayed = here.run({"replay", "runs/tiny-calvo-1-real"});
  EXPECT_EQ(replayed.exit_code, 0) << replayed.out;
  EXPECT_THAT(replayed.out, HasSubstr("identical commands"));
}

TEST(Realrun, WarnsOfCorruptBlocksAndRecordsThatTheyWereAskedFor) {
  const Workplace here;
  here.write("s.yaml", tiny());
  const Ran ran = here.run({"realrun", "s.yaml", "--faults", "corrupt@0s", "--out", "run"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const nlohmann::json summary = parse(here.read("run/summary.json"));
  const nlohmann::json& load = summary["load"];
  const auto corrupt = load["corrupt_blocks"].get<std::int64_t>();
  ASSERT_GT(corrupt, 1);
  EXPECT_EQ(load["nodes_lost"], 0);
  EXPECT_EQ(load["lost_nodes"], nlohmann::json::array());
  EXPECT_EQ(load["faults"], nlohmann::json::array({"corrupt@0s"}));
  const std::string warning =
      std::to_string(corrupt) + " corrupt blocks came from the storage nodes and were not used";
  EXPECT_THAT(summary["warnings"].get<std::vector<std::string>>(), ::testing::Contains(warning));
  EXPECT_THAT(ran.out, HasSubstr(warning));
}

TEST(Realrun, RunsEnginesSideBySideAndRepeatsThem) {
  const Workplace here;
  here.write("s.yaml", tiny());
  const Ran ran = here.run({"realrun", "s.yaml", "--engines", "vllm_sync,calvo", "--repeats", "2",
                            "--no-timeline", "--out", "both"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* run : {"calvo-r1", "calvo-r2", "vllm_sync-r1", "vllm_sync-r2"}) {
    const nlohmann::json summary = parse(here.read(std::string("both/") + run + "/summary.json"));
    EXPECT_EQ(summary["completed"], 20) << run;
  }
  EXPECT_THAT(ran.out, HasSubstr("both/vllm_sync-r2\n"));
}

TEST(Realrun, LeavesAValidDirectoryAndNoProcessWhenInterrupted) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Workplace here;
    const std::string name = "endless_" + std::to_string(::getpid()) + ".yaml";
    here.write(name, tiny_scenario("100000", "20 /s"));
    std::vector<std::string> words = {"realrun", name, "--out", "run"};
    if (signal == SIGTERM) {  // nothing waits for what is paced to take ages
      words.insert(words.end(), {"--copy-pace", "1 B/s", "--pace-step", "100000 s"});
    }
    const Ran ran =
        here.run_and_signal(words, signal, [&] {  // its nodes are there and it has begun
          return processes_with(name) >= 3;
        });
    EXPECT_EQ(ran.exit_code, 130) << ran.err;
    const nlohmann::json summary = parse(here.read("run/summary.json"));
    EXPECT_EQ(summary["complete"], false);
    EXPECT_EQ(processes_with(name), 0);
  }
}

TEST(Realrun, NodesOfAKilledRunEndWithIt) {
  const Workplace here;
  const std::string name = "killed_" + std::to_string(::getpid()) + ".yaml";
  here.write(name, tiny_scenario("100000", "20 /s"));
  const Ran ran = here.run_and_signal({"realrun", name, "--out", "run"}, SIGKILL,
                                      [&] { return processes_with(name) >= 3; });
  EXPECT_EQ(ran.exit_code, 128 + SIGKILL);
  for (int tries = 0; processes_with(name) > 0 && tries < 12000; ++tries) ::usleep(5000);
  EXPECT_EQ(processes_with(name), 0);
}

/// A port of loopback that is `socket`'s, which never listens, for as long as it is open.
std::uint16_t port_without_listener(int socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket, plain, size), 0);
  EXPECT_EQ(::getsockname(socket, plain, &size), 0);
  return ntohs(address.sin_port);
}

struct WrongInput {
  std::vector<std::string> arguments;
  std::string error;
};

TEST(Realrun, SaysInOneLineWhatIsWrong) {
  const Workplace here;
  here.write("s.yaml", tiny());
  here.write("short.key", "too short");
  std::filesystem::permissions(here / "short.key", std::filesystem::perms::owner_read);
  const int own = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string nobody = "127.0.0.1:" + std::to_string(port_without_listener(own));
  const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string nobody_else = "127.0.0.1:" + std::to_string(port_without_listener(other));
  const std::vector<WrongInput> cases = {
      {{"--node", "127.0.0.1"}, "calvo: --node:1:1: no port in \"127.0.0.1\""},
      {{"--node", "127.0.0.1:9"},
       "calvo: s.yaml:0:0: topology.storage_nodes: the scenario has 2 and 1 are given"},
      {{"--node", nobody, "--node", nobody_else},
       "calvo: s.yaml:0:0: realrun: storage node " + nobody + ": cannot reach 127.0.0.1 port "},
      {{"--node", nobody, "--node", nobody},
       "calvo: s.yaml:0:0: --node: \"" + nobody +
           "\" is given twice; give each storage node once\n"},
      {{"--pace", "fast"}, "calvo: --pace:1:1: "},
      {{"--pace", "0 Gbit/s"},
       "calvo: --pace:1:1: \"0 Gbit/s\" is slower than 1 B/s; give a faster rate\n"},
      {{"--copy-pace", "0 B/s"},
       "calvo: --copy-pace:1:1: \"0 B/s\" is slower than 1 B/s; give a faster rate\n"},
      {{"--copy-pace", "1e-9 B/s"},
       "calvo: --copy-pace:1:1: \"1e-9 B/s\" is slower than 1 B/s; give a faster rate\n"},
      {{"--engines", "calvo,vllm_sync,calvo"},
       "calvo: --engines:1:1: \"calvo\" is there twice; name each engine once\n"},
      {{"--transfer-limit", "2"}, "calvo: --transfer-limit:1:1: missing unit in \"2\""},
      {{"--faults", "melt@1s"}, "calvo: --faults:1:1: "},
      {{"--faults", "die@1s", "--faults", "", "--faults", "die@2s"},
       "calvo: --faults:0:0: 3 scripts for 2 storage nodes; give one for each at most\n"},
      {{"--node", "127.0.0.1:9", "--node", "127.0.0.1:9", "--faults", "die@1s"},
       "calvo: --faults:0:0: is for nodes that are started here, and --node names others; give it "
       "to "
       "them (calvo kvnode --faults)\n"},
      {{"--node", "127.0.0.1:9", "--node", "127.0.0.1:9", "--pace", "none"},
       "calvo: --pace:0:0: is of nodes that are started here, and --node names others; give it to "
       "them (calvo kvnode --pace)\n"},
      {{"--seed", "-1"},
       "calvo: --seed: \"-1\" is no whole number from 0 to 18446744073709551615; see calvo "
       "--help\n"},
      {{"--model-seed", "18446744073709551616"},
       "calvo: --model-seed: \"18446744073709551616\" is no whole number from 0 to "
       "18446744073709551615; see calvo --help\n"},
      {{"--metrics-port", "65536"},
       "calvo: --metrics-port: \"65536\" is no port; name one from 0 to 65535; see calvo --help\n"},
      {{"--key-file", ""},
       "calvo: --key-file: \"\" is empty; give a value, or leave the option out; see calvo "
       "--help\n"},
      {{"--fabric", "verbs"}, "calvo: "},
      {{"--set", "memory.host=900 TiB"},
       "calvo: --set memory.host=900 TiB:1:13: memory.host: is 483183820800 blocks of "},
      {{"--fabric", "pigeon"}, "calvo: "},
      {{"--device", "abacus"}, "calvo: "},
      {{"--key-file", "short.key"}, "calvo: short.key"},
      {{"--set", "memory.remote=100000 TiB"}, "calvo: "},
      {{"--set", "simulation.truth_noise=0.5"}, "calvo: s.yaml:0:0: simulation.truth_noise: "},
      {{"--set", "faults=[{node: 0, kind: down, at: 1 s}]"}, "calvo: s.yaml:0:0: faults: "},
  };
  for (const WrongInput& wrong : cases) {
    std::vector<std::string> words = {"realrun", "s.yaml", "--out", "run"};
    words.insert(words.end(), wrong.arguments.begin(), wrong.arguments.end());
    const Ran ran = here.run(words);
    EXPECT_EQ(ran.exit_code, 2) << wrong.error << ran.err;
    EXPECT_THAT(ran.err, StartsWith(wrong.error));
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(here.files(), Not(::testing::Contains("run")));
  }
  ::close(own);
  ::close(other);
}

/// A `calvo kvnode` that serves until it goes out of scope.
class RunningNode {
public:
  explicit RunningNode(const std::string& arguments) {
    const std::string command = "echo $$; exec '" + std::string(CALVO_PROGRAM) +
                                "' kvnode --die-with-parent --port 0 " + arguments + " 2>/dev/null";
    output_ = ::popen(command.c_str(), "r");
    process_ = std::stoi(line());
    const std::string listening = line();  // listening on 127.0.0.1:PORT: ...
    const std::size_t address = listening.find("127.0.0.1:");
    address_ = listening.substr(address, listening.find(':', address + 10) - address);
  }
  ~RunningNode() {
    ::kill(process_, SIGTERM);
    ::pclose(output_);
  }
  RunningNode(const RunningNode&) = delete;
  RunningNode& operator=(const RunningNode&) = delete;

  const std::string& address() const { return address_; }

private:
  std::string line() {
    std::string text;
    for (int c = std::fgetc(output_); c != EOF && c != '\n'; c = std::fgetc(output_)) {
      text += static_cast<char>(c);
    }
    return text;
  }

  FILE* output_ = nullptr;
  pid_t process_ = -1;
  std::string address_;
};

TEST(Realrun, RepeatsOverTheSameNodesAreWarnedOfAndNodesInAnotherOrderRefused) {
  const Workplace here;
  here.write("s.yaml", tiny());
  const std::string file = "--scenario '" + (here / "s.yaml").string() + "' --preload scenario";
  const RunningNode first(file + " --node 0");
  const RunningNode second(file + " --node 1");
  const Ran ran = here.run({"realrun", "s.yaml", "--node", first.address(), "--node",
                            second.address(), "--repeats", "2", "--out", "runs", "--quiet"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto left_over = [&](const std::string& run) {
    const auto summary = parse(here.read("runs/" + run + "/summary.json"));
    const auto warnings = summary["warnings"].get<std::vector<std::string>>();
    return std::ranges::count_if(warnings, [](const std::string& warning) {
      return warning.find("more than the scenario preloads, of an earlier run") !=
             std::string::npos;
    });
  };
  EXPECT_EQ(left_over("calvo-r1"), 0);
  EXPECT_EQ(left_over("calvo-r2"), 2);
  EXPECT_THAT(ran.err, StartsWith("calvo: storage node " + first.address() + " holds up to "));

  const Ran swapped = here.run({"realrun", "s.yaml", "--node", second.address(), "--node",
                                first.address(), "--out", "swapped"});
  EXPECT_EQ(swapped.exit_code, 2);
  EXPECT_EQ(swapped.err, "calvo: storage node:0:0: " + second.address() +
                             ": it is node 1 of its scenario, and was given as node 0; give --node "
                             "in the scenario's order\n");
}

TEST(Realrun, SaysInOneLineThatANodeHasAnotherKeyOrConfiguration) {
  const Workplace here;
  here.write("s.yaml", tiny());
  ASSERT_EQ(here.run({"kvnode", "--make-key", "mine.key"}).exit_code, 0);
  ASSERT_EQ(here.run({"kvnode", "--make-key", "other.key"}).exit_code, 0);
  const auto file = [&](const char* name) { return " '" + (here / name).string() + "'"; };
  const RunningNode node("--scenario" + file("s.yaml") + " --key-file" + file("mine.key"));
  const std::string at = "calvo: storage node:0:0: " + node.address() + ": the node ";
  const auto error_of = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"realrun", "s.yaml",      "--out",
                                      "run",     "--set",       "topology.storage_nodes=1",
                                      "--node",  node.address()};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = here.run(words);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(here.files(), Not(::testing::Contains("run")));
    return ran.err;
  };
  EXPECT_EQ(error_of({"--key-file", "other.key"}),
            at + "has another key; give both sides the same --key-file\n");
  EXPECT_EQ(
      error_of({"--key-file", "mine.key", "--set", "block_tokens=32"}),
      at + "is set up otherwise: block_tokens is 16 there and 32 here, block_bytes is 2048 there "
           "and 4096 here; start both from the same scenario\n");
}

TEST(Realrun, SurvivesWhatGoesWrongOnItsNodes) {
  const Workplace here;
  here.write("s.yaml", tiny());
  const Ran ran =
      here.run({"realrun", "s.yaml", "--quiet", "--out", "run", "--faults", "corrupt@0s:0.5",
                "--faults", "drop@0s:0.2", "--transfer-limit", "500 ms"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "run\n");
  const nlohmann::json summary = parse(here.read("run/summary.json"));
  EXPECT_EQ(summary["completed"], 20);
  EXPECT_GT(summary["load"]["corrupt_blocks"].get<int>() + summary["load"]["reconnects"].get<int>(),
            0);
}

}  // namespace
}  // namespace calvo::testing
