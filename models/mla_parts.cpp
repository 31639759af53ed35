#include <algorithm>

#include "models/least_squares.hpp"
#include "models/parts_builder.hpp"

namespace calvo::models {

bool PartsBuilder::has_mla_tables() const {
  // The module tables are those of one set of projections, shared by DeepSeek-V3 and Kimi-K2.
  return tables_ && shape_.hidden == 7168 && shape_.mla_kv_lora == 512 &&
         shape_.mla_rope_dim == 64 && shape_.mla_q_lora == 1536 && shape_.mla_nope_dim == 128 &&
         shape_.mla_v_dim == 128;
}

void PartsBuilder::add_mla() {
  const double heads = static_cast<double>(shape_.q_heads) / parallel_;
  const double latent = shape_.mla_kv_lora + shape_.mla_rope_dim;
  const double layers = shape_.layers;
  AttentionPart part;
  // Per context token: latent vector times the up-projection of keys and values. Per pair on the
  // latent vectors: scores over latent + rope, values over latent.
  const double expand_flops =
      2.0 * shape_.mla_kv_lora * heads * (shape_.mla_nope_dim + shape_.mla_v_dim);
  const double absorbed_flops = 2.0 * heads * (latent + shape_.mla_kv_lora);
  part.expand = layers * expand_flops / (reach_.gemm * gpu_.bf16.count());
  part.absorbed = layers * absorbed_flops / (reach_.attention * gpu_.bf16.count());
  const std::int64_t key[] = {shape_.q_heads / parallel_};
  const auto same = [](double tokens) { return tokens; };
  std::vector<SurfaceRow> decode;
  std::vector<SurfaceRow> context;
  if (has_mla_tables()) {
    decode = rows_of(tables_->mla_generation, key, same, layers);
    context = rows_of(tables_->mla_context, key, same, layers);
  }
  if (decode.empty() || context.empty()) {
    add_roofline_mla(part, heads, latent, absorbed_flops);
  } else {
    add_table_mla(part, std::move(decode), std::move(context));
  }
  parts_.attention.push_back(std::move(part));
}

void PartsBuilder::add_roofline_mla(AttentionPart& part, double heads, double latent,
                                    double absorbed_flops) {
  const auto wide = [&](std::int64_t each) { return static_cast<std::int64_t>(heads) * each; };
  const std::int64_t query_in = shape_.mla_q_lora > 0 ? shape_.mla_q_lora : shape_.hidden;
  Curve projections = gemm(static_cast<std::int64_t>(latent), shape_.hidden) +
                      gemm(wide(shape_.mla_nope_dim + shape_.mla_rope_dim), query_in) +
                      gemm(wide(shape_.mla_nope_dim + shape_.mla_v_dim), shape_.mla_kv_lora) +
                      gemm(shape_.hidden, wide(shape_.mla_v_dim));
  if (shape_.mla_q_lora > 0) projections = projections + gemm(shape_.mla_q_lora, shape_.hidden);
  add_tokens(shape_.layers, projections);
  const double context_flops =
      2.0 * heads * (shape_.mla_nope_dim + shape_.mla_rope_dim + shape_.mla_v_dim);
  roofline_attention(part, shape_.layers, context_flops, absorbed_flops, latent * value_bytes());
  note("attention (MLA)", "roofline");
}

// A module's time is projections(tokens) + attention: projections as decoding over an empty
// cache measures them, and beyond its largest batch with the linear term of the prompts.
void PartsBuilder::add_table_mla(AttentionPart& part, std::vector<SurfaceRow> decode,
                                 std::vector<SurfaceRow> context) {
  const Curve& prompts = context.front().curve;
  const auto points = static_cast<Eigen::Index>(prompts.x().size());
  Eigen::MatrixXd powers(points, 3);
  for (Eigen::Index i = 0; i < points; ++i) {
    const double tokens = prompts.x()[static_cast<std::size_t>(i)];
    const double seconds = prompts.y()[static_cast<std::size_t>(i)];
    powers.row(i) << 1 / seconds, tokens / seconds, tokens * tokens / seconds;
  }
  const Eigen::VectorXd fit = least_squares(powers, Eigen::VectorXd::Ones(points));

  std::vector<double> tokens;
  std::vector<double> seconds;
  for (SurfaceRow& row : decode) {
    const double empty = row.curve.y().front();
    tokens.push_back(row.at);
    seconds.push_back(empty);
    std::vector<double> beyond = row.curve.y();
    for (double& y : beyond) y -= empty;
    const std::size_t last = beyond.size() - 1;
    const double slope =
        (beyond[last] - beyond[last - 1]) / (row.curve.x()[last] - row.curve.x()[last - 1]);
    row.curve = Curve(row.curve.x(), std::move(beyond), slope);
  }
  const Curve projections(std::move(tokens), std::move(seconds), fit[1]);
  for (SurfaceRow& row : context) {
    std::vector<double> work(row.curve.x().size());
    std::vector<double> attention(work.size());
    for (std::size_t i = 0; i < work.size(); ++i) {
      const double length = row.curve.x()[i];
      work[i] = query_key_pairs(length, 0);
      attention[i] = std::max(0.0, row.curve.y()[i] - projections.at(row.at * length));
    }
    row.curve = Curve::at_constant_rate(std::move(work), std::move(attention));
  }
  part.decode = Surface(std::move(decode));
  part.context = Surface(std::move(context));
  add_tokens(1, projections);
  note("attention (MLA)", "tables");
}

}  // namespace calvo::models
