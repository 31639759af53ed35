#include "realrun/node/node_client.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "realrun/fabrics/socket.hpp"
#include "realrun/node/connection.hpp"
#include "realrun/wire/block_format.hpp"
#include "realrun/wire/bytes.hpp"
#include "realrun/wire/handshake.hpp"
#include "realrun/wire/messages.hpp"
#include "realrun/wire/secret.hpp"

namespace calvo::realrun {
namespace {

using transport::Deadline;

/// Between two handshakes, the first of which the node has cut.
constexpr std::chrono::milliseconds pause_between{10};

InputError refused(const ConnectOptions& options, const std::string& why) {
  return InputError({"storage node", 0, 0}, options.endpoint.text(), why);
}

/// What a handshake that failed means to whoever started this engine.
InputError explain(const ConnectOptions& options, const EngineHandshake& handshake) {
  switch (handshake.fault()) {
    case HandshakeFault::other_version:
      return refused(options, fmt::format("the node speaks version {} of the protocol and this "
                                          "program {}; run the same calvo on both sides",
                                          handshake.other_version(), protocol_version));
    case HandshakeFault::wrong_key:
      return refused(options, "the node has another key; give both sides the same --key-file");
    case HandshakeFault::impostor:
      return refused(options,
                     "the node has not proved that it has the key; is it the right machine?");
    case HandshakeFault::other_config: {
      const std::optional<NodeConfig> node = decode_config(handshake.body());
      const std::string fields = node ? differences(options.config, *node) : std::string();
      return refused(options,
                     fmt::format("the node is set up otherwise: {}; start both from the "
                                 "same scenario",
                                 fields.empty() ? "its configuration is of another kind" : fields));
    }
    default:
      return refused(options, "what answers there is not a calvo kvnode; check host and port");
  }
}

struct OpenCall {
  std::uint64_t tag = 0;
  FrameType type{};
  std::vector<std::int32_t> asked;  ///< blocks of each run: no answer may be more
};

/// A store of which blocks have still to be sent. They are copied one at a time.
struct Unsent {
  std::uint64_t tag = 0;
  BlockRun run;
  std::vector<std::span<const std::byte>> blocks;
  bool begun = false;
  std::deque<StoreWanted::Range> wanted;  ///< of these the rest; none: the node has not said yet
};

}  // namespace

struct NodeClient::Impl {
  explicit Impl(const ConnectOptions& given);

  void connect(Deadline deadline);
  bool shake_hands(Deadline deadline);
  void take_welcome(const Bytestring& body);
  /// False: malformed.
  bool take(const Frame& frame, std::vector<NodeReply>& out);
  bool read(std::vector<NodeReply>& out);
  bool send();
  bool can_send() const;
  bool take_wanted(const Frame& frame);
  void lose(const std::string& why);
  bool room_for(std::uint64_t tag, std::size_t bytes);
  std::optional<OpenCall> answered(std::deque<OpenCall>& calls, std::uint64_t tag);

  ConnectOptions options;
  BlockFormat format;
  NodeInfo info;
  transport::Fd socket;
  FrameParser parser;
  SendBuffer urgent;          ///< begun frames and calls
  std::deque<Unsent> behind;  ///< stores
  std::uint64_t blocks_sent = 0;
  std::deque<OpenCall> calls;   ///< lookups and leases without answer, in order
  std::deque<OpenCall> stores;  ///< likewise
  std::vector<NodeReply> ready;
  bool lost = false;
};

NodeClient::Impl::Impl(const ConnectOptions& given)
    : options(given),
      format{given.config.block_bytes},
      parser(FrameSource::node_handshake, static_cast<std::uint64_t>(format.used())) {
  if (options.key.empty()) {
    if (!is_loopback(options.endpoint.host)) {
      throw refused(options, "a node on another machine wants a key; give it with --key-file");
    }
    options.key = loopback_key();
  }
  const Deadline deadline = transport::deadline_in(options.limit);
  connect(deadline);
  // A node that too many knock at cuts the oldest of them, which this may be.
  while (!shake_hands(deadline)) {
    if (Deadline::clock::now() + pause_between > deadline) {
      throw std::runtime_error(fmt::format(
          "storage node {}: the connection was closed during the handshake; see what the node says",
          options.endpoint.text()));
    }
    std::this_thread::sleep_for(pause_between);
    urgent = {};
    parser = FrameParser(FrameSource::node_handshake, static_cast<std::uint64_t>(format.used()));
    connect(deadline);
  }
}

void NodeClient::Impl::connect(Deadline deadline) {
  try {
    socket = transport::connect_to(options.endpoint.host, options.endpoint.port, deadline,
                                   options.stop, &info.address);
    transport::send_before_bulk(socket);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("storage node {}: {}; is calvo kvnode running there?",
                                         options.endpoint.text(), error.what()));
  }
  keep_alive(socket.get());
}

/// False: the node has closed the connection.
bool NodeClient::Impl::shake_hands(Deadline deadline) {
  EngineHandshake handshake(
      {options.key, options.config.digest(), random_nonce(), protocol_version});
  handshake.begin(urgent.tail());
  while (handshake.state() != EngineHandshake::State::done) {
    bool alive = urgent.flush(socket.get());
    const bool in_time = transport::wait_for(
        socket.get(), static_cast<short>(POLLIN | (urgent.empty() ? 0 : POLLOUT)), deadline,
        options.stop);
    if (!in_time) {
      throw std::runtime_error(fmt::format(
          "storage node {}: no answer within {:.1f} s; is it overloaded, or another program?",
          options.endpoint.text(), to_seconds(options.limit).count()));
    }
    if (alive) alive = receive(socket.get(), parser) != Received::gone;
    Frame frame;
    FrameParser::Next next{};
    while (handshake.state() != EngineHandshake::State::done &&
           (next = parser.next(frame)) == FrameParser::Next::frame) {
      if (handshake.take(frame, urgent.tail()) == EngineHandshake::State::failed) {
        throw explain(options, handshake);
      }
    }
    if (next == FrameParser::Next::malformed) {
      throw refused(options, "what answers there is not a calvo kvnode; check host and port");
    }
    if (!alive && handshake.state() != EngineHandshake::State::done) return false;
  }
  take_welcome(handshake.body());
  parser.expect(FrameSource::node_answers);
  return true;
}

void NodeClient::Impl::take_welcome(const Bytestring& body) {
  std::optional<WelcomeBody> welcome = decode_welcome_body(body);
  if (!welcome || welcome->slot_stride < format.used()) {
    throw refused(options, "its welcome makes no sense; run the same calvo on both sides");
  }
  info.capacity_blocks = welcome->capacity_blocks;
  info.stored_blocks = welcome->stored_blocks;
  info.slot_stride = welcome->slot_stride;
  info.pool_bytes = welcome->pool_bytes;
  if (welcome->index >= 0) info.index = static_cast<std::uint32_t>(welcome->index);
  info.preloaded = welcome->preloaded;
  info.written_blocks = welcome->written_blocks;
  std::ranges::copy(welcome->ticket, info.ticket.bytes);
  for (WelcomeBody::Offer& offer : welcome->offers) {
    info.offers.push_back({printable(std::move(offer.fabric)), std::move(offer.blob)});
  }
}

bool NodeClient::Impl::room_for(std::uint64_t tag, std::size_t bytes) {
  NodeReply reply;
  reply.tag = tag;
  if (lost) {
    reply.kind = NodeReply::Kind::gone;
    reply.text = "the connection is closed";
  } else if (urgent.size() + bytes > options.most_unsent) {
    reply.kind = NodeReply::Kind::refused;
    reply.text =
        fmt::format("{} bytes wait to be sent; the node does not take them as fast", urgent.size());
  } else {
    return true;
  }
  ready.push_back(std::move(reply));
  return false;
}

std::optional<OpenCall> NodeClient::Impl::answered(std::deque<OpenCall>& open, std::uint64_t tag) {
  if (open.empty() || open.front().tag != tag) return std::nullopt;
  OpenCall call = std::move(open.front());
  open.pop_front();
  return call;
}

bool NodeClient::Impl::take(const Frame& frame, std::vector<NodeReply>& out) {
  NodeReply reply;
  reply.tag = frame.tag;
  switch (frame.type) {
    case FrameType::lookup_reply: {
      std::optional<LookupAnswer> answer = decode_lookup_answer(frame.payload);
      const auto call = answered(calls, frame.tag);
      if (!answer || !call || call->type != FrameType::lookup ||
          answer->counts.size() != call->asked.size() ||
          !std::ranges::equal(answer->counts, call->asked, std::less_equal<>())) {
        return false;
      }
      reply.kind = NodeReply::Kind::lookup;
      reply.counts = std::move(answer->counts);
      break;
    }
    case FrameType::lease_reply: {
      std::optional<LeaseAnswer> answer = decode_lease_answer(frame.payload);
      const auto call = answered(calls, frame.tag);
      if (!answer || !call || call->type != FrameType::lease ||
          answer->slots.size() > static_cast<std::size_t>(call->asked.front())) {
        return false;
      }
      const auto outside = [&](std::uint64_t slot) {
        return slot >= static_cast<std::uint64_t>(info.capacity_blocks);
      };
      if (std::ranges::any_of(answer->slots, outside)) return false;
      reply.kind = NodeReply::Kind::lease;
      reply.lease = answer->lease;
      reply.slots = std::move(answer->slots);
      break;
    }
    case FrameType::store_reply: {
      std::optional<StoreAnswer> answer = decode_store_answer(frame.payload);
      const auto call = answered(stores, frame.tag);
      // What has not been sent would be read when its owner has it back.
      const bool unsent = !behind.empty() && behind.front().tag == frame.tag;
      if (!answer || !call || unsent || answer->blocks > call->asked.front() ||
          answer->written > call->asked.front()) {
        return false;
      }
      reply.kind = NodeReply::Kind::stored;
      reply.blocks = answer->blocks;
      reply.written = answer->written;
      reply.text = std::move(answer->text);
      break;
    }
    case FrameType::store_wanted:
      return take_wanted(frame);
    case FrameType::refused: {
      std::optional<RefusedAnswer> answer = decode_refused(frame.payload);
      if (!answer || !answered(calls, frame.tag)) return false;
      reply.kind = NodeReply::Kind::refused;
      reply.text = std::move(answer->text);
      break;
    }
    default:
      return false;
  }
  out.push_back(std::move(reply));
  return true;
}

bool NodeClient::Impl::read(std::vector<NodeReply>& out) {
  while (true) {
    const Received got = receive(socket.get(), parser);
    if (got == Received::gone) return false;
    Frame frame;
    FrameParser::Next next{};
    while ((next = parser.next(frame)) == FrameParser::Next::frame) {
      if (!take(frame, out)) return false;
    }
    if (next == FrameParser::Next::malformed) return false;
    if (got == Received::nothing) return true;
  }
}

/// Whether the first of the stores waits for nothing but the socket.
bool NodeClient::Impl::can_send() const {
  return !behind.empty() && (!behind.front().begun || !behind.front().wanted.empty());
}

bool NodeClient::Impl::take_wanted(const Frame& frame) {
  const std::optional<StoreWanted> answer = decode_store_wanted(frame.payload);
  if (!answer || behind.empty()) return false;
  Unsent& store = behind.front();
  if (!store.begun || store.tag != frame.tag || !store.wanted.empty()) return false;
  if (answer->ranges.empty()) {
    behind.pop_front();
    return true;
  }
  if (answer->ranges.back().from + answer->ranges.back().count > store.run.count) return false;
  store.wanted.assign(answer->ranges.begin(), answer->ranges.end());
  return true;
}

bool NodeClient::Impl::send() {
  while (true) {
    if (!urgent.flush(socket.get())) return false;
    if (!urgent.empty() || !can_send()) return true;
    Unsent& store = behind.front();
    if (!store.begun) {
      append(urgent.tail(), store.tag, StoreBegin{store.run});
      store.begun = true;
      continue;
    }
    StoreWanted::Range& next = store.wanted.front();
    append(urgent.tail(), store.tag,
           StoreBlock{static_cast<std::uint32_t>(next.from),
                      store.blocks[static_cast<std::size_t>(next.from)]});
    ++blocks_sent;
    ++next.from;
    if (--next.count == 0) store.wanted.pop_front();
    if (store.wanted.empty()) behind.pop_front();
  }
}

void NodeClient::Impl::lose(const std::string& why) {
  if (lost) return;
  lost = true;
  socket.close();
  for (const auto* open : {&calls, &stores}) {
    for (const OpenCall& call : *open) {
      NodeReply reply;
      reply.kind = NodeReply::Kind::gone;
      reply.tag = call.tag;
      reply.text = why;
      ready.push_back(std::move(reply));
    }
  }
  calls.clear();
  stores.clear();
  behind.clear();
}

NodeClient::NodeClient(const ConnectOptions& options) : impl_(std::make_unique<Impl>(options)) {}
NodeClient::~NodeClient() = default;

const NodeInfo& NodeClient::info() const {
  return impl_->info;
}

void NodeClient::lookup(std::uint64_t tag, std::span<const BlockRun> runs) {
  CALVO_EXPECT(runs.size() <= most_runs_of_lookup && std::ranges::all_of(runs, is_valid_run));
  if (!impl_->room_for(tag, runs.size_bytes())) return;
  append(impl_->urgent.tail(), tag, runs);
  OpenCall& call = impl_->calls.emplace_back(OpenCall{tag, FrameType::lookup, {}});
  for (const BlockRun run : runs) call.asked.push_back(run.count);
}

void NodeClient::lease(std::uint64_t tag, BlockRun run) {
  CALVO_EXPECT(is_valid_run(run));
  if (!impl_->room_for(tag, sizeof run)) return;
  append(impl_->urgent.tail(), tag, LeaseCall{run});
  impl_->calls.push_back({tag, FrameType::lease, {run.count}});
}

void NodeClient::release(std::uint64_t lease) {
  if (!impl_->lost) append(impl_->urgent.tail(), 0, ReleaseCall{lease});
}

void NodeClient::store(std::uint64_t tag, BlockRun run,
                       std::span<const std::span<const std::byte>> blocks) {
  CALVO_EXPECT(is_valid_run(run) && blocks.size() == static_cast<std::size_t>(run.count));
  const auto block_bytes = static_cast<std::size_t>(impl_->format.used());
  for (const auto& block : blocks) CALVO_EXPECT(block.size() == block_bytes);
  if (!impl_->room_for(tag, sizeof run)) return;
  impl_->behind.push_back({tag, run, {blocks.begin(), blocks.end()}, false, {}});
  impl_->stores.push_back({tag, FrameType::store_begin, {run.count}});
}

void NodeClient::poll(std::vector<NodeReply>& out) {
  Impl& it = *impl_;
  if (!it.lost) {
    // Answers that came before the connection was lost still count.
    const bool sent = it.send();
    const bool read = it.read(out);
    if (!sent || !read || !it.send()) it.lose("the connection to the storage node is lost");
  }
  std::ranges::move(it.ready, std::back_inserter(out));
  it.ready.clear();
}

std::uint64_t NodeClient::blocks_sent() const {
  return impl_->blocks_sent;
}

int NodeClient::fd() const {
  return impl_->socket.get();
}

bool NodeClient::wants_write() const {
  return !impl_->lost && (!impl_->urgent.empty() || impl_->can_send());
}

bool NodeClient::alive() const {
  return !impl_->lost;
}

void NodeClient::close() {
  impl_->lose("the connection was closed");
}

}  // namespace calvo::realrun
