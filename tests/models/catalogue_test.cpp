#include <cctype>
#include <cmath>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/yaml_tree.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

std::string error_of(const std::string& text) {
  try {
    read_model(YamlSection::load_text(text, "m.yaml"), "test");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Catalogue, HasTheModelsAndTheHardware) {
  EXPECT_EQ(testing::catalogue().models.size(), 26U);
  EXPECT_THAT(names_of(testing::catalogue().gpus),
              ::testing::ElementsAre("H100", "H200", "B200", "laptop"));
  EXPECT_THAT(
      names_of(testing::catalogue().nics),
      ::testing::ElementsAre("rdma_400g", "rdma_200g", "rdma_100g", "tcp_100g", "loopback_1g"));
  EXPECT_EQ(testing::catalogue().find_model("Llama"), nullptr);
}

TEST(Catalogue, KvBytesOfATokenAreTheKnownOnes) {
  const std::map<std::string, std::int64_t> known = {{"Llama-3.1-8B", 131072},
                                                     {"Llama-3.1-70B", 327680},
                                                     {"Llama-3.1-405B", 516096},
                                                     {"Qwen2.5-7B", 57344},
                                                     {"Qwen2.5-14B", 196608},
                                                     {"Qwen3-8B", 147456},
                                                     {"Qwen3-32B", 262144},
                                                     {"Qwen3-30B-A3B", 98304},
                                                     {"Mixtral-8x7B", 131072},
                                                     {"DeepSeek-V3", 70272},
                                                     {"Kimi-K2", 70272},
                                                     {"GLM-4.5", 376832},
                                                     {"GLM-4.5-Air", 188416},
                                                     {"GLM-5", 89856},
                                                     {"gpt-oss-20b", 49152},
                                                     {"gpt-oss-120b", 73728},
                                                     {"MiniMax-M2.5", 253952},
                                                     {"Mistral-7B-v0.3", 131072},
                                                     {"Mistral-Small-24B-2501", 163840},
                                                     {"laptop-4L", 1024},
                                                     {"laptop-8L", 4096}};
  for (const auto& [name, bytes] : known) {
    EXPECT_EQ(testing::model(name).kv_bytes_per_token().count(), bytes) << name;
  }
}

TEST(ModelShape, TensorParallelismBeyondTheKvHeadsCopiesThem) {
  const ModelShape& llama = testing::model("Llama-3.1-8B");  // 8 KV heads
  EXPECT_EQ(llama.kv_bytes_per_token(8), llama.kv_bytes_per_token(1));
  EXPECT_EQ(llama.kv_bytes_per_token(16).count(), 2 * llama.kv_bytes_per_token(1).count());
  const ModelShape& deepseek = testing::model("DeepSeek-V3");  // the latent vector is not split
  EXPECT_EQ(deepseek.kv_bytes_per_token(8).count(), 8 * 70272);
}

// Weights of the shape: an independent count of what `parameters` states.
double parameters_of(const ModelShape& s) {
  const double h = s.hidden;
  double attention = h * s.q_heads * s.head_dim * 2 + h * s.kv_heads * s.head_dim * 2;
  if (s.mla_kv_lora > 0) {
    const double query_in = s.mla_q_lora > 0 ? s.mla_q_lora : h;
    attention = (s.mla_q_lora > 0 ? h * s.mla_q_lora : 0) +
                query_in * s.q_heads * (s.mla_nope_dim + s.mla_rope_dim) +
                h * (s.mla_kv_lora + s.mla_rope_dim) +
                s.mla_kv_lora * static_cast<double>(s.q_heads) * (s.mla_nope_dim + s.mla_v_dim) +
                static_cast<double>(s.q_heads) * s.mla_v_dim * h;
  }
  const double experts =
      s.experts > 0 ? 3 * h * s.moe_ffn * (s.experts + s.shared_experts) + h * s.experts : 0;
  return s.layers * attention + s.dense_layers * 3 * h * s.dense_ffn +
         (s.layers - s.dense_layers) * experts + 2 * h * s.vocab;
}

TEST(ModelShape, StatedParametersAreThoseOfTheShape) {
  for (const ModelShape& shape : testing::catalogue().models) {
    EXPECT_NEAR(parameters_of(shape) / 1e9 / shape.params_billion, 1, 0.01) << shape.name;
    EXPECT_LE(shape.active_params_billion, shape.params_billion) << shape.name;
    EXPECT_EQ(shape.weight_bytes().count(), 2 * std::llround(shape.params_billion * 1e9));
  }
}

// A scalar that starts like a number, and no mapping around it says where it comes from.
void expect_sources(const YamlNode& node, bool sourced, const std::string& path) {
  if (node.kind == YamlNode::Kind::map) {
    sourced = sourced || node.find("source") != nullptr;
    for (const auto& entry : node.entries) {
      expect_sources(entry.value, sourced, path + "." + entry.key);
    }
  } else if (node.kind == YamlNode::Kind::list) {
    for (const YamlNode& item : node.items) expect_sources(item, sourced, path);
  } else if (!node.text.empty() && std::isdigit(static_cast<unsigned char>(node.text[0]))) {
    EXPECT_TRUE(sourced) << path << " has no source";
  }
}

TEST(Catalogue, EachNumberHasItsSource) {
  for (const char* file : {"/models.yaml", "/hardware.yaml"}) {
    expect_sources(read_yaml_file(testing::catalogue_directory() + file), false, file);
  }
}

TEST(Catalogue, UnknownNamesComeWithTheNearestOnes) {
  EXPECT_EQ(unknown_name("model", "Llama-3.1-8b-", testing::catalogue().models),
            "unknown model \"Llama-3.1-8b-\" (did you mean \"Llama-3.1-8B\"?)");
  EXPECT_EQ(unknown_name("gpu", "TPU-v5", testing::catalogue().gpus),
            "unknown gpu \"TPU-v5\" (one of: H100, H200, B200, laptop)");
}

constexpr const char* shape_text =
    "layers: 2\nhidden: 64\nq_heads: 4\nkv_heads: 2\nhead_dim: 16\ndense_ffn: 128\nvocab: 100\n"
    "dense_layers: 2\nmax_context: 1000\nparameters: 0.001\n";

TEST(ReadModel, RefusesShapesThatNoModelHas) {
  EXPECT_EQ(error_of(shape_text), "no error");
  EXPECT_EQ(error_of(std::string(shape_text) + "window_layers: 3\n"),
            "m.yaml:11:16: window_layers: \"3\" is more than layers (2)");
  std::string text = shape_text;
  text.replace(text.find("kv_heads: 2"), 11, "kv_heads: 3");
  EXPECT_EQ(error_of(text), "m.yaml:4:11: kv_heads: \"3\" does not divide q_heads (4)");
  text = shape_text;
  text.replace(text.find("dense_layers: 2"), 15, "dense_layers: 1");
  EXPECT_EQ(
      error_of(text),
      "m.yaml:8:15: dense_layers: \"1\" of 2 layers have a dense FFN and there are no experts "
      "for the others (set dense_layers to 2, or experts)");
  text = shape_text;
  text.replace(text.find("layers: 2"), 9, "layers: 0");
  EXPECT_EQ(error_of(text), "m.yaml:1:9: layers: \"0\" is out of range (must be above 0)");
}

TEST(ReadTransferModel, WantsIncreasingSizes) {
  const auto section = YamlSection::load_text(
      "bandwidth: 5 GB/s\ncurve:\n  - {size: 2 MiB, bandwidth: 1 GB/s}\n"
      "  - {size: 1 MiB, bandwidth: 1 GB/s}\n",
      "l.yaml");
  try {
    read_transfer_model(section);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "l.yaml:4:12: curve.1.size: sizes of a curve must increase");
  }
}

}  // namespace
}  // namespace calvo::models
