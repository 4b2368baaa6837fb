// Models whose weights are put inside.
#include "provider/tensorrt/library/weights_inside.h"

#include <gtest/gtest.h>

#include <climits>
#include <string>
#include <utility>
#include <vector>

#include "onnx_graph.h"
#include "provider/tensorrt/library/status.h"

namespace arc2face {
namespace {

using onnx::Field;

// y = x * w + b, in two sizes of weights: one whose length takes two bytes.
const std::vector<TensorInfo> kWeights = {{"w", DataType::kFloat32, {100}}, {"b", DataType::kFloat16, {1}}};
const std::string kW(400, 'w');
const std::string kB = "bb";

std::string External() {
  return onnx::Model({{"Mul", {"x", "w"}, {"p"}}, {"Add", {"p", "b"}, {"y"}}}, kWeights,
                     {{"x", DataType::kFloat32, {-1, 100}}}, {{"y", DataType::kFloat32, {-1, 100}}});
}

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

// The same model written with the weights inside.
std::string Inside() {
  const auto fields = [](const TensorInfo& weight, const std::string& data) {
    return Field(1, static_cast<uint64_t>(weight.shape[0])) + Field(2, onnx::Element(weight.type)) +
           Field(8, weight.name) + Field(9, data);
  };
  const std::string external = External();
  const std::string head = Field(1, 8), tail = Field(8, Field(1, std::string()) + Field(2, 17));
  // The content of the graph's field, behind its key and a length of two bytes.
  std::string graph = external.substr(head.size() + 3, external.size() - head.size() - 3 - tail.size());
  graph = Replace(graph, Field(5, onnx::EncodeExternal(kWeights[0])), Field(5, fields(kWeights[0], kW)));
  graph = Replace(graph, Field(5, onnx::EncodeExternal(kWeights[1])), Field(5, fields(kWeights[1], kB)));
  return head + Field(7, graph) + tail;
}

std::string Put(const std::string& graph, const std::vector<Arc2FaceWeight>& weights) {
  Arc2FaceBuildRequest request{};
  request.network = "sample";
  request.graph = graph.data();
  request.graph_bytes = graph.size();
  request.weights = weights.data();
  request.weight_count = weights.size();
  return engines::WithWeightsInside(request);
}
const Arc2FaceWeight kGivenW{.name = "w", .data = kW.data(), .bytes = kW.size()};
const Arc2FaceWeight kGivenB{.name = "b", .data = kB.data(), .bytes = kB.size()};

// The status and message of a failure.
std::pair<Arc2FaceStatus, std::string> Refusal(const std::string& graph, const std::vector<Arc2FaceWeight>& weights) {
  try {
    Put(graph, weights);
  } catch (const engines::Failure& failure) {
    return {failure.status(), failure.what()};
  }
  return {ARC2FACE_OK, ""};
}

TEST(WeightsInside, AreWhereTheirDeclarationsWere) {
  EXPECT_EQ(Put(External(), {kGivenW, kGivenB}), Inside());
  EXPECT_EQ(Put(External(), {kGivenB, kGivenW}), Inside());  // in any order
}

TEST(WeightsInside, StayWhereTheyAreAlready) { EXPECT_EQ(Put(Inside(), {}), Inside()); }

TEST(WeightsInside, AreThoseOfTheGraph) {
  const auto [missing, why] = Refusal(External(), {kGivenW});
  EXPECT_EQ(missing, ARC2FACE_INVALID_NETWORK);
  EXPECT_EQ(why, "The weight b of the network sample is external, but it is not among those that are given.");
  const auto [unknown, other] = Refusal(Inside(), {kGivenB});
  EXPECT_EQ(unknown, ARC2FACE_INVALID_NETWORK);
  EXPECT_EQ(other, "The weight b of the network sample is refused: the graph has no such external initializer.");
}

TEST(WeightsInside, AreRefusedBeyondTheLimitOfAMessage) {
  // Before a byte of it is read or copied.
  const Arc2FaceWeight large{.name = "w", .data = nullptr, .bytes = INT_MAX};
  const auto [status, text] = Refusal(External(), {large, kGivenB});
  EXPECT_EQ(status, ARC2FACE_FAILED);
  EXPECT_NE(text.find("The network sample has 2147483"), std::string::npos) << text;
  EXPECT_NE(text.find("TensorRT before 10.13 reads at most 2147483647: use a newer TensorRT"), std::string::npos)
      << text;
}

TEST(WeightsInside, AreRefusedInAModelThatIsNone) {
  const std::string whole = External();
  const std::string text = "not a model";
  for (const std::string& graph : {whole.substr(0, whole.size() - 1), whole.substr(0, 40), text}) {
    const auto [status, why] = Refusal(graph, {kGivenW, kGivenB});
    EXPECT_EQ(status, ARC2FACE_INVALID_NETWORK);
    EXPECT_NE(why.find("Could not read the graph of the network sample"), std::string::npos) << why;
  }
}

}  // namespace
}  // namespace arc2face
