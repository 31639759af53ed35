#include "models/wrong_cost.hpp"

#include <cmath>
#include <utility>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::models {

namespace {

enum Stream : std::uint64_t { of_load, of_compute };

Random random_of(const Work& work, std::uint64_t seed, std::uint64_t stream) {
  std::uint64_t hash = seed;
  for (const Tokens tokens : {work.remote, work.host, work.gpu, work.compute}) {
    hash = mix_bits(hash * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(tokens.count()) + 1);
  }
  return Random(hash, stream);
}

}  // namespace

ScrambledCost::ScrambledCost(std::uint64_t seed, Seconds scale) : seed_(seed), scale_(scale) {
  CALVO_EXPECT(scale > Seconds{0});
}

Seconds ScrambledCost::load(const Work& work) const {
  if ((work.remote + work.host).count() == 0) return Seconds{0};
  return (1 - random_of(work, seed_, of_load).uniform()) * scale_;
}

Seconds ScrambledCost::compute(const Work& work) const {
  return (1 - random_of(work, seed_, of_compute).uniform()) * scale_;
}

PerturbedCost::PerturbedCost(std::shared_ptr<const CostModel> base, const Options& options)
    : base_(std::move(base)), options_(options) {
  CALVO_EXPECT(base_ != nullptr);
  CALVO_EXPECT(options.bias > 0 && options.spread >= 0);
}

Seconds PerturbedCost::load(const Work& work) const {
  return factor(work, of_load) * base_->load(work);
}

Seconds PerturbedCost::network(const Work& work) const {
  return factor(work, of_load) * base_->network(work);
}

Seconds PerturbedCost::compute(const Work& work) const {
  return factor(work, of_compute) * base_->compute(work);
}

double PerturbedCost::factor(const Work& work, std::uint64_t what) const {
  if (options_.spread == 0) return options_.bias;
  return options_.bias * std::exp(options_.spread * random_of(work, options_.seed, what).normal());
}

}  // namespace calvo::models
