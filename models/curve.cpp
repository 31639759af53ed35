#include "models/curve.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::models {

namespace {

// Isotonic regression by pooling neighbours that fall into their mean: the nearest non-decreasing
// values in the sense of least squares.
void make_non_decreasing(std::vector<double>& y) {
  struct Pool {
    double mean;
    double count;
  };
  std::vector<Pool> pools;
  for (const double value : y) {
    pools.push_back({value, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean > pools.back().mean) {
      const Pool last = pools.back();
      pools.pop_back();
      Pool& pool = pools.back();
      pool.mean = (pool.mean * pool.count + last.mean * last.count) / (pool.count + last.count);
      pool.count += last.count;
    }
  }
  auto next = y.begin();
  for (const Pool& pool : pools) {
    next = std::fill_n(next, static_cast<std::ptrdiff_t>(pool.count), pool.mean);
  }
}

}  // namespace

Curve::Curve(std::vector<double> x, std::vector<double> y, double tail_slope)
    : x_(std::move(x)), y_(std::move(y)), tail_slope_(std::max(0.0, tail_slope)) {
  CALVO_EXPECT(!x_.empty() && x_.size() == y_.size());
  CALVO_EXPECT(std::ranges::adjacent_find(x_, std::greater_equal<>{}) == x_.end());
  make_non_decreasing(y_);
}

Curve Curve::at_constant_rate(std::vector<double> x, std::vector<double> y) {
  CALVO_EXPECT(!x.empty() && x.size() == y.size() && x.back() > 0);
  Curve curve(std::move(x), std::move(y), 0);
  curve.tail_slope_ = curve.y_.back() / curve.x_.back();
  return curve;
}

Piece Curve::piece(double x) const {
  if (x_.empty()) return {};
  const auto above = std::ranges::upper_bound(x_, x);
  if (above == x_.begin()) return {y_.front(), 0, x_.front()};
  const auto i = static_cast<std::size_t>(above - x_.begin()) - 1;
  if (above == x_.end()) return {y_[i] + tail_slope_ * (x - x_[i]), tail_slope_};
  const double slope = (y_[i + 1] - y_[i]) / (x_[i + 1] - x_[i]);
  return {y_[i] + slope * (x - x_[i]), slope, x_[i + 1]};
}

Curve Curve::scaled(double factor) const {
  Curve result = *this;
  for (double& y : result.y_) y *= factor;
  result.tail_slope_ *= factor;
  return result;
}

Curve Curve::stretched(double factor) const {
  Curve result = *this;
  for (double& x : result.x_) x /= factor;
  result.tail_slope_ *= factor;
  return result;
}

Curve operator+(const Curve& a, const Curve& b) {
  if (a.x_.empty()) return b;
  if (b.x_.empty()) return a;
  std::vector<double> x;
  std::ranges::set_union(a.x_, b.x_, std::back_inserter(x));
  std::vector<double> y(x.size());
  std::ranges::transform(x, y.begin(), [&](double at) { return a.at(at) + b.at(at); });
  return Curve(std::move(x), std::move(y), a.tail_slope_ + b.tail_slope_);
}

Surface::Surface(std::vector<SurfaceRow> rows) : rows_(std::move(rows)) {
  CALVO_EXPECT(!rows_.empty());
  for (std::size_t r = 1; r < rows_.size(); ++r) {
    const Curve& before = rows_[r - 1].curve;
    const double steeper = rows_[r].at / rows_[r - 1].at;
    CALVO_EXPECT(steeper > 1);
    std::vector<double> x = before.x();
    std::vector<double> y(x.size());
    const Curve& own = rows_[r].curve;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const bool measured = x[i] <= own.x().back();
      y[i] = measured ? own.at(x[i]) : y[i - 1] + steeper * (before.y()[i] - before.y()[i - 1]);
      y[i] = std::max(y[i], before.y()[i]);
    }
    const bool complete = own.x().back() >= x.back();
    const double tail = complete ? own.tail_slope() : steeper * before.tail_slope();
    rows_[r].curve = Curve(std::move(x), std::move(y), std::max(tail, before.tail_slope()));
  }
}

Piece Surface::piece(double sequences, double x) const {
  if (rows_.empty()) return {};
  const auto above = std::ranges::upper_bound(rows_, sequences, {}, &SurfaceRow::at);
  if (above == rows_.begin()) return rows_.front().curve.piece(x);
  const SurfaceRow& low = *(above - 1);
  const Piece below = low.curve.piece(x);
  if (sequences == low.at) return below;
  if (above == rows_.end()) {
    const double factor = sequences / low.at;
    return {below.value * factor, below.slope * factor, below.end};
  }
  const double part = (sequences - low.at) / (above->at - low.at);
  const Piece over = above->curve.piece(x);
  return {below.value + part * (over.value - below.value),
          below.slope + part * (over.slope - below.slope), std::min(below.end, over.end)};
}

Surface Surface::scaled(double factor) const {
  Surface result = *this;
  for (SurfaceRow& row : result.rows_) row.curve = row.curve.scaled(factor);
  return result;
}

}  // namespace calvo::models
