#include <string>

#include <fmt/format.h>

#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {
namespace {

constexpr std::string_view status_names[] = {"ok", "missing", "corrupt", "timeout", "cut"};

std::uint64_t serial(RunId run) {  // the part of a run id that a reader can follow
  return raw(run) >> 24 == 0 ? raw(run) : raw(run) >> 24;
}

}  // namespace

std::string describe(const Event& event) {
  const auto status = status_names[static_cast<std::size_t>(event.status)];
  switch (event.kind) {
    case EventKind::arrival:
      return fmt::format("arrival r{} input {} output {}", raw(event.spec->id),
                         event.spec->input.count(), event.spec->output.count());
    case EventKind::lookup_done:
      return fmt::format("lookup_done #{} hit to {}", serial(event.run), event.blocks);
    case EventKind::fetch_done:
      return fmt::format("fetch_done #{} blocks {} {}", serial(event.run), event.blocks, status);
    case EventKind::copy_done:
      return fmt::format("copy_done #{} blocks {} {}", serial(event.run), event.blocks, status);
    case EventKind::store_done:
      return fmt::format("store_done #{} blocks {}{}", serial(event.run), event.blocks,
                         event.status == TransferStatus::ok ? "" : " failed");
    case EventKind::step_done:
      return fmt::format("step_done #{} iterations {}", serial(event.run), event.iterations);
    case EventKind::drained:
      return fmt::format("drained #{}", serial(event.run));
    case EventKind::timer:
      return fmt::format("timer #{}", serial(event.run));
    case EventKind::node_down:
      return fmt::format("node_down {}", raw(event.node));
    case EventKind::node_up:
      return fmt::format("node_up {}", raw(event.node));
    case EventKind::cancel:
      return fmt::format("cancel r{}", raw(event.request));
    case EventKind::finished:
      return fmt::format("finished r{}", raw(event.request));
  }
  return "?";
}

std::string describe(const Command& command, const CommandBuffer& buffer) {
  const std::uint64_t run = serial(command.run);
  const std::uint64_t request = raw(command.request);
  switch (command.kind) {
    case CommandKind::dispatch:
      return fmt::format("dispatch r{} to {}", request, raw(command.instance));
    case CommandKind::lookup:
      return fmt::format("lookup #{} r{} [{}, {})", run, request, command.from, command.to);
    case CommandKind::fetch:
      return fmt::format("fetch #{} r{} [{}, {}) from node {}", run, request, command.from,
                         command.to, raw(command.node));
    case CommandKind::cut_fetch:
      return fmt::format("cut_fetch #{}", run);
    case CommandKind::copy_in: {
      std::string text =
          fmt::format("copy_in #{} r{} [{}, {})", run, request, command.from, command.to);
      if (raw(command.after) != 0) text += fmt::format(" after #{}", serial(command.after));
      if (command.layer_major) text += " layer_major";
      return text;
    }
    case CommandKind::cut_copy:
      return fmt::format("cut_copy #{}", run);
    case CommandKind::copy_out:
      return fmt::format("copy_out #{} ids {}+{}", run, raw(command.blocks.first),
                         command.blocks.count);
    case CommandKind::store:
      return fmt::format("store #{} ids {}+{} to node {}", run, raw(command.blocks.first),
                         command.blocks.count, raw(command.node));
    case CommandKind::run_step: {
      std::string text = fmt::format("run_step #{} iterations {}", run, command.iterations);
      if (command.gate == Gate::layers) text += " by layers";
      for (const StepPart& part : buffer.parts_of(command)) {
        text += fmt::format(" prefill r{} {} over {}", raw(part.request),
                            part.tokens.new_tokens.count(), part.tokens.context.count());
      }
      for (const RequestId decode : buffer.decodes_of(command)) {
        text += fmt::format(" decode r{}", raw(decode));
      }
      if (command.decodes > 0) {
        text += fmt::format(" context {}", command.decode_context.count());
      }
      return text;
    }
    case CommandKind::cut_step:
      return fmt::format("cut_step #{}", run);
    case CommandKind::preempt:
      return fmt::format("preempt r{}", request);
    case CommandKind::set_timer:
      return fmt::format("set_timer #{} at {} us", run,
                         static_cast<double>(command.at.time_since_epoch().count()) / 1000);
    case CommandKind::finish: {
      std::string text = fmt::format("finish r{} cached {} preemptions {}", request,
                                     command.cached.count(), command.preemptions);
      const RequestTimes& t = command.times;
      for (const Instant date : {t.arrival, t.lookup_done, t.load_start, t.network_done, t.loaded,
                                 t.prefill_start, t.first_token, t.finish}) {
        text += fmt::format(" {}", date.time_since_epoch().count());
      }
      return text;
    }
    case CommandKind::reject:
      return fmt::format("reject r{}: {}", request, name_of(command.reason));
    case CommandKind::cancelled:
      return fmt::format("cancelled r{}", request);
  }
  return "?";
}

std::string transcript(const Batch& batch) {
  std::string text;
  for (const Event& event : batch.events) {
    text += fmt::format("{} {} run {}\n", event.time.time_since_epoch().count(), describe(event),
                        raw(event.run));
  }
  for (const Command& command : batch.answer.commands) {
    text += fmt::format("  {} run {} after {}\n", describe(command, batch.answer), raw(command.run),
                        raw(command.after));
  }
  return text;
}

}  // namespace calvo::control::fake
