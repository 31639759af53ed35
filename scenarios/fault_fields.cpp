#include "scenarios/fault_fields.hpp"

#include <fmt/format.h>

namespace calvo::scenarios {
namespace {

bool lasts(const Fault& fault) {
  return fault.until == Seconds{0};
}

bool overlap(const Fault& a, const Fault& b) {
  return (lasts(a) || b.at < a.until) && (lasts(b) || a.at < b.until);
}

Fault read_fault(const YamlSection& section, std::int32_t nodes) {
  Fault fault;
  fault.node = section.required<std::int32_t>("node");
  if (fault.node < 0 || fault.node >= nodes) {
    section.fail("node", nodes == 0 ? fmt::format("\"{}\" is no storage node: there are none; set "
                                                  "topology.storage_nodes",
                                                  fault.node)
                                    : fmt::format("\"{}\" is no storage node (expected 0 to {}, as "
                                                  "topology.storage_nodes has it)",
                                                  fault.node, nodes - 1));
  }
  fault.kind =
      static_cast<FaultKind>(section.required_name("kind", "kind of fault", names_of<FaultKind>()));
  fault.at = section.required<Seconds>("at");
  const bool for_good =
      section.is_scalar("until") && section.required<std::string>("until") == "none";
  if (section.has("until") && !for_good) {
    fault.until = section.required<Seconds>("until");
    if (fault.until <= fault.at) {
      section.fail("until", fmt::format("\"{}\" is not after \"at: {}\"; leave it out for a fault "
                                        "that stays",
                                        to_text(fault.until), to_text(fault.at)));
    }
  }
  if (fault.kind == FaultKind::slow) {
    fault.factor =
        section.required<double>("factor", {.above = 0.0, .at_least = {}, .at_most = 1.0});
  } else if (section.has("factor")) {
    section.fail("factor",
                 fmt::format("has no meaning where kind is {}; leave it out",
                             names_of<FaultKind>()[static_cast<std::size_t>(fault.kind)]));
  }
  return fault;
}

}  // namespace

void read_faults(const YamlSection& root, std::int32_t nodes, std::vector<Fault>& faults) {
  for (const YamlSection& section : root.sections("faults")) {
    const Fault fault = read_fault(section, nodes);
    for (std::size_t i = 0; i < faults.size(); ++i) {
      if (faults[i].node != fault.node || faults[i].kind != fault.kind) continue;
      if (!overlap(faults[i], fault)) continue;
      section.fail("at", fmt::format("\"{}\" lies within faults.{}, of the same kind on the same "
                                     "node; end one before the other begins",
                                     to_text(fault.at), i));
    }
    faults.push_back(fault);
  }
}

void write_faults(FieldWriter& io, const std::vector<Fault>& faults) {
  io.items("faults", faults, [](FieldWriter& inner, const Fault& fault) {
    inner.value("node", fault.node);
    inner.name("kind", fault.kind, "kind of fault");
    inner.value("at", fault.at);
    inner.or_zero("until", fault.until, "none");
    if (fault.kind == FaultKind::slow) inner.value("factor", fault.factor);
  });
}

}  // namespace calvo::scenarios
