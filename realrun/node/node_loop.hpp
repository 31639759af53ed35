// The thread of a storage node: accepts engines, shakes hands, answers calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "realrun/fabrics/socket.hpp"
#include "realrun/node/block_pool.hpp"
#include "realrun/node/connection.hpp"
#include "realrun/node/node_gate.hpp"
#include "realrun/node/node_server.hpp"
#include "realrun/node/served_fabrics.hpp"
#include "realrun/node/session.hpp"
#include "realrun/node/tally.hpp"
#include "realrun/wire/handshake.hpp"

namespace calvo::realrun {

class NodeLoop {
public:
  /// Listens and starts the thread. Everything that is given outlives the loop.
  /// Throws InputError if it cannot listen.
  NodeLoop(const NodeOptions& options, Bytestring key, BlockPool& pool, ServedFabrics& fabrics,
           NodeGate& gate, Tally& tally);
  /// Ends all connections and joins the thread.
  ~NodeLoop();
  NodeLoop(const NodeLoop&) = delete;
  NodeLoop& operator=(const NodeLoop&) = delete;

  std::uint16_t port() const { return port_; }

private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  /// One connection, from accept to close.
  struct Peer {
    Peer(transport::Fd accepted, NodeHandshake shaker, std::uint64_t block_bytes)
        : socket(std::move(accepted)),
          handshake(std::move(shaker)),
          parser(FrameSource::engine_handshake, block_bytes) {}

    transport::Fd socket;
    std::string name;
    NodeHandshake handshake;
    FrameParser parser;
    SendBuffer out;
    Time deadline{};                   ///< to prove itself, or to take the last answer
    std::unique_ptr<Session> session;  ///< once it has proved itself
    Ticket ticket;
    bool last_words = false;  ///< is closed when all is sent
    bool held_back = false;   ///< calls may have come that are taken when answers have gone
    std::uint32_t watched = 0;
  };
  using Peers = std::map<int, Peer>;

  void listen();
  /// Lets the faults strike that are of the node as a whole. Returns whether it can serve now.
  bool suffer_faults();
  void die();
  void come_back();
  void run();
  std::chrono::milliseconds wait_limit() const;
  void accept_peers();
  void cut_slow_peers();
  void serve(Peers::iterator peer, std::uint32_t events);
  static bool is_full(const Peer& peer);
  /// False: the connection must end now.
  bool take_calls(Peer& peer);
  bool take(Peer& peer, const Frame& frame);
  bool shake_hands(Peer& peer, const Frame& frame);
  void admit(Peer& peer);
  void watch(Peer& peer);
  void close(Peers::iterator peer);
  void close_all();
  void refuse(const Peer& peer, const std::string& why);

  const NodeOptions& options_;
  Bytestring key_;
  BlockPool& pool_;
  ServedFabrics& fabrics_;
  NodeGate& gate_;
  Tally& tally_;
  std::uint16_t port_;
  Digest config_;
  transport::Fd listener_;
  transport::Fd epoll_;
  transport::Fd stop_;
  bool accepting_ = true;
  bool dead_ = false;
  bool hung_ = false;
  Peers peers_;  ///< by socket
  std::thread thread_;
};

}  // namespace calvo::realrun
