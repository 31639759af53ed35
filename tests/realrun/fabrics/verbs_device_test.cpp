// What protects the pool is the NIC, so these ask the NIC: over bare queue pairs, past all checks
// of the client. They need an RDMA device and run with CALVO_FABRIC=verbs (see harness.hpp).
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>

#include "harness.hpp"
#include "realrun/fabrics/verbs.hpp"
#include "realrun/fabrics/verbs_dial.hpp"
#include "realrun/fabrics/verbs_fabric.hpp"
#include "realrun/fabrics/verbs_memory.hpp"

namespace calvo::realrun::verbs {
namespace {

constexpr std::byte blank{0x5a};

class VerbsDevice : public testing::Test {
protected:
  void SetUp() override {
    const char* wanted = std::getenv("CALVO_FABRIC");
    if (wanted == nullptr || std::string_view(wanted) != "verbs") {
      GTEST_SKIP() << "not asked to use RDMA devices (CALVO_FABRIC)";
    }
    ASSERT_FALSE(verbs_fabric().missing) << *verbs_fabric().missing;
    server_ = make_server(pool_, {.bind = bind_address(), .port = 0, .gate = nullptr});
  }

  /// A connection that the server has let in, to be used as one likes.
  struct Bare {
    std::unique_ptr<LocalMemory> memory;
    std::vector<std::byte> buffer;
    Link link;
  };

  std::unique_ptr<Bare> enter(const Ticket& with) {
    auto bare = std::make_unique<Bare>();
    bare->buffer.assign(buffer_bytes, blank);
    const auto domain_of = [&](ibv_context& device) -> ibv_pd& {
      bare->memory = std::make_unique<LocalMemory>(device);
      bare->memory->add(bare->buffer);
      return bare->memory->domain();
    };
    bare->link =
        dial(peer_host(), server_->admit(with), with, domain_of, transport::deadline_in(patience));
    return bare;
  }

  /// Does `opcode` between the buffer and the pool, and returns how it ended. A connection that
  /// ends without a completion has failed too: iWARP does it so.
  static ibv_wc_status attempt(Bare& bare, ibv_wr_opcode opcode, std::uint64_t offset,
                               std::uint32_t bytes, const Grant& grant) {
    ibv_sge buffer{reinterpret_cast<std::uint64_t>(bare.buffer.data()), bytes,
                   bare.memory->key_of(std::span(bare.buffer).first(bytes))};
    ibv_send_wr request{};
    request.sg_list = &buffer;
    request.num_sge = 1;
    request.opcode = opcode;
    request.send_flags = IBV_SEND_SIGNALED;
    if (opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
      request.wr.atomic = {grant.address + offset, 1, 0, grant.key};
    } else {
      request.wr.rdma = {grant.address + offset, grant.key};
    }
    ibv_send_wr* rest = nullptr;
    if (ibv_post_send(bare.link.id->qp, &request, &rest) != 0) return IBV_WC_WR_FLUSH_ERR;
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < give_up) {
      ibv_wc done{};
      if (ibv_poll_cq(bare.link.queue.get(), 1, &done) == 1) return done.status;
      while (const auto event = next_event(*bare.link.events)) {
        if (event->type == RDMA_CM_EVENT_DISCONNECTED) return IBV_WC_WR_FLUSH_ERR;
      }
      ::poll(nullptr, 0, 1);
    }
    ADD_FAILURE() << "no completion";
    return IBV_WC_FATAL_ERR;
  }

  static ibv_wc_status read(Bare& bare, std::uint64_t offset, std::uint32_t bytes,
                            const Grant& grant) {
    return attempt(bare, IBV_WR_RDMA_READ, offset, bytes, grant);
  }

  static void expect_refused(const Bare& bare, ibv_wc_status status) {
    const bool iwarp = bare.link.id->verbs->device->transport_type == IBV_TRANSPORT_IWARP;
    EXPECT_EQ(status, iwarp ? IBV_WC_WR_FLUSH_ERR : IBV_WC_REM_ACCESS_ERR)
        << ibv_wc_status_str(status);
    EXPECT_THAT(bare.buffer, testing::Each(blank)) << "nothing may land";
  }

  void expect_serves() {
    const auto other = enter(ticket(99));
    EXPECT_EQ(read(*other, 1, 100, other->link.grant), IBV_WC_SUCCESS);
    EXPECT_TRUE(holds_pool(std::span(other->buffer).first(100), 1, 1));
  }

  static constexpr std::size_t buffer_bytes = 8'192;
  std::vector<std::byte> pool_ = make_pool(1, 100'000);
  std::unique_ptr<FabricServer> server_;
};

TEST_F(VerbsDevice, AWrongKeyOpensNothingAndEndsTheConnection) {
  const auto bare = enter(ticket(1));
  Grant wrong = bare->link.grant;
  wrong.key ^= 0x5500;
  expect_refused(*bare, read(*bare, 0, 4'096, wrong));
  EXPECT_EQ(read(*bare, 0, 4'096, bare->link.grant), IBV_WC_WR_FLUSH_ERR)
      << "the right key is of no use any more";
  expect_serves();
}

TEST_F(VerbsDevice, NothingBeyondThePoolCanBeRead) {
  for (const std::uint64_t offset : {pool_.size() - 4'095, pool_.size(), std::size_t{0} - 4'096}) {
    const auto bare = enter(ticket(1));
    expect_refused(*bare, read(*bare, offset, 4'096, bare->link.grant));
  }
  const auto bare = enter(ticket(1));
  EXPECT_EQ(read(*bare, pool_.size() - 4'096, 4'096, bare->link.grant), IBV_WC_SUCCESS);
}

TEST_F(VerbsDevice, NothingOfThePoolCanBeWritten) {
  for (const ibv_wr_opcode opcode : {IBV_WR_RDMA_WRITE, IBV_WR_ATOMIC_FETCH_AND_ADD}) {
    const auto bare = enter(ticket(1));
    const std::uint64_t aligned = 8 - bare->link.grant.address % 8;
    EXPECT_NE(attempt(*bare, opcode, aligned, 8, bare->link.grant), IBV_WC_SUCCESS);
  }
  EXPECT_EQ(pool_, make_pool(1, 100'000));
  expect_serves();
}

TEST_F(VerbsDevice, AKeyIsWorthNothingOnAnotherConnection) {
  const auto mine = enter(ticket(1));
  const auto other = enter(ticket(2));
  EXPECT_NE(mine->link.grant.key, other->link.grant.key);
  expect_refused(*mine, read(*mine, 0, 4'096, other->link.grant));
  EXPECT_EQ(read(*other, 0, 4'096, other->link.grant), IBV_WC_SUCCESS);
}

TEST_F(VerbsDevice, ARevokedKeyIsDead) {
  const auto bare = enter(ticket(1));
  const auto other = enter(ticket(2));
  ASSERT_EQ(read(*bare, 0, 4'096, bare->link.grant), IBV_WC_SUCCESS);
  std::ranges::fill(bare->buffer, blank);
  server_->revoke(ticket(1));
  EXPECT_NE(read(*bare, 0, 4'096, bare->link.grant), IBV_WC_SUCCESS);
  EXPECT_THAT(bare->buffer, testing::Each(blank));
  EXPECT_EQ(read(*other, 0, 4'096, other->link.grant), IBV_WC_SUCCESS);
}

TEST_F(VerbsDevice, AStoppedNodeStillServes) {
  Node node({.fabric = "verbs"});
  Landing landing(1 << 20);
  const auto client = make_client();
  ASSERT_TRUE(client->caps().one_sided);
  client->register_memory(landing.memory());
  const Ticket mine = ticket(1);
  const PeerId peer = client->connect(peer_host(), node.admit(mine), mine, patience);
  node.signal(SIGSTOP);
  const std::array reads = {Read{5, landing.slot(300'000), 1}, Read{77, landing.slot(5'000), 2}};
  for (const ReadDone& done : read_all(*client, peer, reads)) {
    EXPECT_EQ(done.status, ReadStatus::ok);
  }
  for (const Read& read : reads) EXPECT_TRUE(holds_pool(read.into, 1, read.offset));
  node.signal(SIGCONT);
}

// Asks for a connection with what it likes as a claim; the answer is what the server says.
Event knock(const PoolOffer& offer, const std::function<Bytestring(const rdma_cm_id&)>& claim) {
  const auto deadline = transport::deadline_in(patience);
  const EventChannel events = make_event_channel();
  const CmId id = make_id(*events);
  const auto await = [&] {
    for (;;) {
      if (const auto event = next_event(*events)) return *event;
      if (!transport::wait_for(events->fd, POLLIN, deadline)) throw std::runtime_error("no event");
    }
  };
  SocketAddress address = resolve(peer_host(), read_door(offer).port);
  EXPECT_EQ(rdma_resolve_addr(id.get(), nullptr, address.get(), 10'000), 0);
  EXPECT_EQ(await().type, RDMA_CM_EVENT_ADDR_RESOLVED);
  EXPECT_EQ(rdma_resolve_route(id.get(), 10'000), 0);
  EXPECT_EQ(await().type, RDMA_CM_EVENT_ROUTE_RESOLVED);
  const ProtectionDomain domain(ibv_alloc_pd(id->verbs));
  const CompletionQueue queue(ibv_create_cq(id->verbs, 2, nullptr, nullptr, 0));
  ibv_qp_init_attr wanted{};
  wanted.send_cq = wanted.recv_cq = queue.get();
  wanted.qp_type = IBV_QPT_RC;
  wanted.cap = {1, 1, 1, 1, 0};
  EXPECT_EQ(rdma_create_qp(id.get(), domain.get(), &wanted), 0);
  const QueuePair pair(id.get());
  const Bytestring bytes = claim(*id);
  rdma_conn_param parameters{};
  parameters.private_data = bytes.empty() ? nullptr : bytes.data();
  parameters.private_data_len = static_cast<std::uint8_t>(bytes.size());
  EXPECT_EQ(rdma_connect(id.get(), &parameters), 0);
  return await();
}

void expect_rejected(const Event& answer, Refusal reason) {
  ASSERT_EQ(answer.type, RDMA_CM_EVENT_REJECTED) << rdma_event_str(answer.type);
  ASSERT_FALSE(answer.data.empty());
  EXPECT_EQ(static_cast<Refusal>(answer.data.front()), reason);
}

TEST_F(VerbsDevice, LetsInNobodyWithoutAProof) {
  const PoolOffer offer = server_->admit(ticket(1));
  const SessionNumber session = read_door(offer).session;
  expect_rejected(knock(offer, [](const rdma_cm_id&) { return Bytestring(); }), Refusal::malformed);
  expect_rejected(knock(offer, [](const rdma_cm_id&) { return Bytestring(56, std::byte{1}); }),
                  Refusal::malformed);
  const auto unknown = [&](const rdma_cm_id& id) {
    return write_claim(make_claim(session + 1, ticket(1), id.qp->qp_num));
  };
  expect_rejected(knock(offer, unknown), Refusal::ticket);
  const auto wrong = [&](const rdma_cm_id& id) {
    return write_claim(make_claim(session, ticket(2), id.qp->qp_num));
  };
  expect_rejected(knock(offer, wrong), Refusal::ticket);
  expect_serves();
}

TEST_F(VerbsDevice, AnOverheardClaimOpensNothing) {
  const PoolOffer offer = server_->admit(ticket(1));
  Bytestring overheard;
  const auto honest = [&](const rdma_cm_id& id) {
    overheard = write_claim(make_claim(read_door(offer).session, ticket(1), id.qp->qp_num));
    return overheard;
  };
  EXPECT_EQ(knock(offer, honest).type, RDMA_CM_EVENT_ESTABLISHED);
  const Event again = knock(offer, [&](const rdma_cm_id&) { return overheard; });
  EXPECT_EQ(again.type, RDMA_CM_EVENT_REJECTED);
  expect_serves();
}

TEST_F(VerbsDevice, WithoutDmaBufsReadsLandInHostMemory) {
  Landing landing(1 << 20);
  const auto client = make_client();
  client->register_memory(landing.memory());
  if (client->caps().gpu_memory) GTEST_SKIP() << "this device takes dma-bufs";
  // Memory that is none of a GPU, behind a descriptor that is no dma-buf.
  const transport::Fd file(::memfd_create("no_dmabuf", MFD_CLOEXEC));
  std::vector<std::byte> elsewhere(4'096);
  EXPECT_FALSE(client->register_gpu_memory({elsewhere, file.get(), 0}));
  const Ticket mine = ticket(1);
  const PeerId peer = client->connect(peer_host(), server_->admit(mine), mine, patience);
  const std::array reads = {Read{5, landing.slot(3'000), 1}};
  EXPECT_EQ(read_all(*client, peer, reads).at(0).status, ReadStatus::ok);
  EXPECT_TRUE(holds_pool(reads[0].into, 1, 5));
}

TEST_F(VerbsDevice, ListeningEverywhereItIsFoundWhereTheControlConnectionGoes) {
  const auto everywhere = make_server(pool_, {.bind = "0.0.0.0", .port = 0, .gate = nullptr});
  Landing landing(1 << 16);
  const auto client = make_client();
  client->register_memory(landing.memory());
  for (const std::string& address : verbs_addresses()) {
    if (address.find(':') != std::string::npos) continue;
    const Ticket mine = ticket(1);
    const PeerId peer = client->connect(address, everywhere->admit(mine), mine, patience);
    const std::array reads = {Read{5, landing.slot(3'000), 1}};
    EXPECT_EQ(read_all(*client, peer, reads).at(0).status, ReadStatus::ok) << address;
    EXPECT_TRUE(holds_pool(reads[0].into, 1, 5));
  }
}

TEST_F(VerbsDevice, SaysWhereItCanListen) {
  const auto error_of = [&](const std::string& bind, std::uint16_t port) -> std::string {
    try {
      make_server(pool_, {.bind = bind, .port = port, .gate = nullptr});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "it listens";
  };
  std::string remedy;
  for (const std::string& address : verbs_addresses()) {
    remedy += (remedy.empty() ? "RDMA devices here have " : ", ") + address;
  }
  EXPECT_EQ(error_of("127.0.0.1", 0),
            "cannot listen on 127.0.0.1 port 0 for RDMA: no device has it; " + remedy);
  EXPECT_EQ(
      error_of("192.0.2.1", 0),
      "cannot listen on 192.0.2.1 port 0 for RDMA: Cannot assign requested address; " + remedy);
  const std::uint16_t taken = read_door(server_->admit(ticket(1))).port;
  EXPECT_EQ(error_of(bind_address(), taken), "cannot listen on " + bind_address() + " port " +
                                                 std::to_string(taken) +
                                                 " for RDMA: Address already in use; " + remedy);
}

TEST_F(VerbsDevice, NamesTheStandardToolToCompareWith) {
  Landing landing(1 << 16);
  const auto client = make_client();
  client->register_memory(landing.memory());
  const Ticket mine = ticket(1);
  const PeerId peer = client->connect(peer_host(), server_->admit(mine), mine, patience);
  EXPECT_THAT(client->comparison(peer), testing::HasSubstr("ib_read_bw -R -F -s 131072 -o 16"));
  EXPECT_THAT(client->comparison(peer), testing::EndsWith(peer_host()));
}

}  // namespace
}  // namespace calvo::realrun::verbs
