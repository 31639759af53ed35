#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/checks.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "models/catalogue.hpp"
#include "realrun/engine/local_nodes.hpp"
#include "realrun/node/node_server.hpp"
#include "realrun/wire/block_format.hpp"
#include "realrun/wire/endpoint.hpp"
#include "realrun/wire/messages.hpp"
#include "realrun/wire/secret.hpp"
#include "scenarios/load.hpp"

namespace calvo::cli {
namespace {

struct KvnodeArguments {
  std::string make_key;
  std::string bind = "127.0.0.1";
  std::uint16_t port = 7000;
  std::string key_file;
  std::string scenario;
  std::vector<std::string> overrides;
  std::uint32_t node = 0;
  std::string model;
  std::int32_t block_tokens = 256;
  std::string capacity;
  std::uint64_t model_seed = 1;
  std::vector<std::string> fabrics = {"tcp"};
  std::string pace;
  std::string pace_burst = "256 KiB";
  std::string preload;
  bool synthetic = false;
  std::string faults;
  std::uint64_t fault_seed = 1;
  std::optional<std::uint16_t> metrics_port;
  bool huge_pages = false;
  bool die_with_parent = false;
};

[[noreturn]] void refuse(const std::string& flag, const std::string& problem) {
  throw InputError({flag, 1, 1}, "", problem);
}

template <class T>
T value_of(const std::string& flag, const std::string& text) {
  try {
    return parse_as<T>(text);
  } catch (const std::invalid_argument& error) {
    refuse(flag, error.what());
  }
}

BlockRun parse_run(std::string_view text) {
  std::uint64_t first = 0;
  BlockRun run;
  const char* const end = text.data() + text.size();
  const auto [plus, bad_first] = std::from_chars(text.data(), end, first);
  const bool has_count = bad_first == std::errc{} && plus != end && *plus == '+';
  if (has_count) {
    const auto [stop, bad_count] = std::from_chars(plus + 1, end, run.count);
    run.first = BlockId{first};
    if (bad_count == std::errc{} && stop == end && realrun::is_valid_run(run)) return run;
  }
  refuse("--preload", fmt::format("\"{}\" is not FIRST+COUNT (for example 0+1000), with 1 to {} "
                                  "blocks, nor \"scenario\"",
                                  text, realrun::most_blocks_of_run));
}

void take_scenario(const KvnodeArguments& options, realrun::NodeOptions& node) {
  scenarios::LoadOptions load;
  load.overrides = options.overrides;
  const scenarios::Scenario scenario = scenarios::load_scenario(options.scenario, load);
  const std::int32_t nodes = scenario.instance.storage_nodes;
  if (options.node >= static_cast<std::uint32_t>(nodes)) {
    refuse("--node", fmt::format("there is no storage node {}: the scenario has {}, counted from 0",
                                 options.node, nodes));
  }
  node.config.block_bytes = scenario.instance.block_bytes.count();
  node.config.block_tokens = static_cast<std::int32_t>(scenario.instance.block_tokens.count());
  node.config.model = scenario.model.name;
  node.capacity_blocks = scenario.remote_blocks;
  node.index = options.node;
  if (options.preload == "scenario") {
    node.preload.runs = realrun::initial_share(scenario, options.node);
  }
}

void take_model(const KvnodeArguments& options, realrun::NodeOptions& node) {
  if (options.model.empty()) {
    refuse("kvnode", "which model's KV is it for? give --scenario FILE or --model NAME");
  }
  if (options.preload == "scenario") refuse("--preload", "\"scenario\" goes with --scenario FILE");
  const models::Catalogue catalogue =
      models::Catalogue::load(scenarios::catalogue_folder(scenarios::default_search_path()));
  const models::ModelShape* const shape = catalogue.find_model(options.model);
  if (shape == nullptr) {
    refuse("--model", models::unknown_name("model", options.model, catalogue.models));
  }
  node.config.model = shape->name;
  node.config.block_tokens = options.block_tokens;
  node.config.block_bytes = shape->kv_bytes_per_token().count() * options.block_tokens;
  if (options.capacity.empty()) refuse("--capacity", "say how large the pool is, e.g. \"8 GiB\"");
}

realrun::NodeOptions options_of_node(const KvnodeArguments& options) {
  realrun::NodeOptions node;
  node.bind = options.bind;
  node.port = options.port;
  if (!options.key_file.empty()) node.key = realrun::read_key_file(options.key_file);
  if (options.scenario.empty()) {
    take_model(options, node);
  } else {
    take_scenario(options, node);
  }
  node.config.model_seed = options.model_seed;
  if (!options.capacity.empty()) {
    const std::int64_t stride = realrun::BlockFormat{node.config.block_bytes}.stride();
    const auto size = value_of<Bytes>("--capacity", options.capacity);
    node.capacity_blocks = size.count() / stride;
    if (node.capacity_blocks < 1) {
      refuse("--capacity", fmt::format("the pool is too small: one block takes {} bytes", stride));
    }
  }
  if (!options.preload.empty() && options.preload != "scenario") {
    std::string_view rest = options.preload;
    while (true) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      node.preload.runs.push_back(parse_run(rest.substr(0, comma)));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
    std::int64_t blocks = 0;
    for (const BlockRun& run : node.preload.runs) blocks += run.count;
    if (blocks > node.capacity_blocks) {
      refuse("--preload",
             fmt::format("{} blocks do not fit into a pool of {}; raise --capacity to "
                         "{} bytes or preload fewer",
                         blocks, node.capacity_blocks,
                         blocks * realrun::BlockFormat{node.config.block_bytes}.stride()));
    }
  }
  node.synthetic_on_demand = options.synthetic;
  node.fabrics = options.fabrics;
  if (!options.pace.empty()) node.pace = pace_of("--pace", options.pace);
  node.pace_burst = value_of<Bytes>("--pace-burst", options.pace_burst).count();
  if (!options.faults.empty()) node.faults = realrun::parse_fault_script(options.faults);
  node.faults.seed = options.fault_seed;
  node.metrics_port = options.metrics_port;
  node.huge_pages = options.huge_pages;
  return node;
}

/// Lines on the standard error, a few a second at most, whoever knocks at the door.
class Notices {
public:
  void tell(const std::string& line) {
    const auto now = std::chrono::steady_clock::now();
    if (now - begin_ > std::chrono::seconds{1}) {
      if (left_out_ > 0) fmt::print(stderr, "calvo kvnode: and {} more such lines\n", left_out_);
      begin_ = now;
      told_ = left_out_ = 0;
    }
    if (++told_ <= 10) {
      fmt::print(stderr, "calvo kvnode: {}\n", line);
    } else {
      ++left_out_;
    }
  }

private:
  std::chrono::steady_clock::time_point begin_{};
  int told_ = 0;
  int left_out_ = 0;
};

std::string first_line(const realrun::NodeOptions& node, const realrun::NodeServer& server) {
  std::string line =
      fmt::format("listening on {}: {} blocks of {} tokens of {} ({} bytes each), fabrics {}",
                  realrun::Endpoint{node.bind, server.port()}.text(), node.capacity_blocks,
                  node.config.block_tokens, node.config.model, node.config.block_bytes,
                  node.fabrics.empty() ? "none" : fmt::format("{}", fmt::join(node.fabrics, ", ")));
  if (node.metrics_port) {
    line += fmt::format(", metrics at http://{}/metrics",
                        realrun::Endpoint{node.bind, server.metrics_port()}.text());
  }
  return line;
}

std::string last_line(const realrun::NodeCounters& counters) {
  return fmt::format(
      "connections {} (refused {}, malformed {}), lookups {}, leases {} of {} blocks ({} missing), "
      "stored {} blocks (refused {}), evicted {}, sent {} bytes, faults {}",
      counters.connections, counters.refused_handshakes, counters.malformed_frames,
      counters.lookups, counters.leases, counters.leased_blocks, counters.missing_blocks,
      counters.stored_blocks, counters.refused_blocks, counters.evicted_blocks, counters.sent_bytes,
      counters.faults);
}

/// Blocks the signals that end the node, for all threads that are made from now on.
class EndSignals {
public:
  EndSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void wait() {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

private:
  sigset_t signals_{};
  sigset_t before_{};
};

int serve(const KvnodeArguments& options) {
  const pid_t parent = ::getppid();
  if (!options.make_key.empty()) {
    realrun::make_key_file(options.make_key);
    fmt::print("wrote a key to {}; give it to every engine and node with --key-file\n",
               options.make_key);
    return success;
  }
  realrun::NodeOptions node = options_of_node(options);
  EndSignals signals;
  if (options.die_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (::getppid() != parent) return success;  // it died before the system knew that we care
  }
  Notices notices;
  node.notice = [&](const std::string& line) { notices.tell(line); };
  realrun::NodeServer server(node);
  fmt::print("{}\n", first_line(node, server));
  std::fflush(stdout);
  signals.wait();
  fmt::print("{}\n", last_line(server.counters()));
  return success;
}

}  // namespace

Verb add_kvnode(CLI::App& program) {
  const auto options = std::make_shared<KvnodeArguments>();
  CLI::App* command =
      program.add_subcommand("kvnode", "Run a storage node of the remote KV pool, until Ctrl-C");
  command->add_option("--make-key", options->make_key, "write a new key to FILE and end")
      ->type_name("FILE");
  command
      ->add_option("--bind", options->bind,
                   "address to listen on; beyond this machine only "
                   "with --key-file")
      ->capture_default_str()
      ->type_name("ADDRESS");
  command->add_option("--port", options->port, "port to listen on; 0: any that is free")
      ->check(port_number())
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--key-file", options->key_file, "the key that engines must have, too")
      ->check(not_empty())
      ->type_name("FILE");
  auto* const scenario =
      command
          ->add_option("--scenario", options->scenario,
                       "takes model, blocks and capacity from a scenario (docs/scenario.md)")
          ->type_name("FILE");
  command->add_option("--set", options->overrides, "change a key of the scenario; may be repeated")
      ->needs(scenario)
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--node", options->node, "which storage node of the scenario this is, from 0")
      ->capture_default_str()
      ->needs(scenario)
      ->type_name("K");
  command->add_option("--model", options->model, "a model of the catalogue (calvo list models)")
      ->excludes(scenario)
      ->type_name("NAME");
  command->add_option("--block-tokens", options->block_tokens, "tokens of a block, with --model")
      ->excludes(scenario)
      ->check(CLI::Range(1, 65536))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--capacity", options->capacity, "size of the pool, e.g. \"8 GiB\"")
      ->type_name("SIZE");
  command
      ->add_option("--model-seed", options->model_seed,
                   "seed of weights and synthetic blocks, the same as the engines'")
      ->check(whole_number())
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--fabric", options->fabrics,
                   "how engines read the pool (calvo list fabrics); several by commas")
      ->delimiter(',')
      ->capture_default_str()
      ->type_name("NAME");
  command
      ->add_option("--pace", options->pace,
                   "sends no faster than this, e.g. \"10 Gbit/s\": stands for a slower NIC")
      ->type_name("RATE");
  command
      ->add_option("--pace-burst", options->pace_burst, "what a sender that was late may catch up")
      ->capture_default_str()
      ->type_name("SIZE");
  command
      ->add_option("--preload", options->preload,
                   "blocks that are there from the start, synthetic: FIRST+COUNT by commas, or\n"
                   "\"scenario\": what its workload says lies on this node")
      ->type_name("RUNS");
  command->add_flag("--synthetic", options->synthetic,
                    "make any block that is asked for on the spot: a pool that always hits");
  command
      ->add_option("--faults", options->faults,
                   "what goes wrong and when, e.g. \"corrupt@1s..3s:0.1,die@5s..7s\"\n"
                   "(docs/runner.md)")
      ->type_name("SCRIPT");
  command->add_option("--fault-seed", options->fault_seed, "seed of the faults' chance")
      ->check(whole_number())
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--metrics-port", options->metrics_port,
                   "serve /metrics for Prometheus there; 0: any that is free")
      ->check(port_number())
      ->type_name("N");
  command->add_flag("--huge-pages", options->huge_pages, "take the pool from huge pages of 2 MiB");
  command->add_flag("--die-with-parent", options->die_with_parent,
                    "end when the process that started this one ends");
  command->footer(
      "Prints \"listening on ADDRESS:PORT: ...\" when it is ready and what it has counted when it\n"
      "ends. Payload is not encrypted. docs/runner.md has protocol, security and faults.\n\n"
      "Examples:\n"
      "  calvo kvnode --model Llama-3.1-8B --capacity \"8 GiB\" --synthetic\n"
      "  calvo kvnode --scenario scenarios/examples/demo.yaml --node 0 --port 0 --pace \"10 "
      "Gbit/s\"\n"
      "  calvo kvnode --make-key pool.key\n"
      "  calvo kvnode --bind 192.0.2.7 --key-file pool.key --model Llama-3.1-8B --capacity \"64 "
      "GiB\"");
  return {command, [options] { return serve(*options); }};
}

}  // namespace calvo::cli
