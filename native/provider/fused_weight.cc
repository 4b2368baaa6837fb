// The sum of a weight and what adapters add to it.
#include "fused_weight.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "../half.h"
#include "faulty_weights.h"
#include "tensors.h"

namespace arc2face {
namespace {

// A product is computed in tiles of this many rows and columns, whose sums fit into a processor's registers.
constexpr size_t kRows = 4;
constexpr size_t kColumns = 8;

constexpr size_t RoundedUp(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// Elements at any address, as float32.
template <typename Stored, typename Convert>
void Read(const std::byte* from, size_t count, float* to, const Convert& convert) {
  for (size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, from + i * sizeof stored, sizeof stored);
    to[i] = convert(stored);
  }
}

void ReadFloats(DataType type, const std::byte* from, size_t count, float* to) {
  switch (type) {
    case DataType::kFloat64:
      return Read<double>(from, count, to, [](double value) { return static_cast<float>(value); });
    case DataType::kFloat16:
      return Read<Half>(from, count, to, [](Half value) { return ToFloat(value); });
    case DataType::kBFloat16:  // the upper half of a float32
      return Read<uint16_t>(from, count, to,
                            [](uint16_t bits) { return half_detail::FromBits(static_cast<uint32_t>(bits) << 16); });
    default:
      if (count > 0) std::memcpy(to, from, count * sizeof(float));
  }
}

[[noreturn]] void Refuse(const std::string& expected, const StoredTensor& tensor, const std::string& network) {
  throw Error(ErrorCode::kInvalidWeights,
              "Expected " + expected + " for the tensor " + tensor.name + " of " + tensor.file + " but received " +
                  Describe(tensor.type, tensor.shape) + ".",
              {.file = tensor.file, .network = network, .tensor = tensor.name});
}

// `up` and `down` of one adapter as float32, in the order in which tiles read them, with zeros beyond the last row and
// column.
class Factors {
 public:
  Factors(const WeightDelta& delta, size_t rows, size_t columns, const std::string& network)
      : factor_(delta.factor), rank_(Check(delta, rows, columns, network)) {
    std::vector<float> values(std::max(rows, columns) * rank_);
    ReadFloats(delta.up.type, delta.up.data, rows * rank_, values.data());
    up_.resize(RoundedUp(rows, kRows) * rank_);
    for (size_t row = 0; row < rows; ++row) {
      float* const tile = up_.data() + row / kRows * kRows * rank_ + row % kRows;
      for (size_t r = 0; r < rank_; ++r) tile[r * kRows] = values[row * rank_ + r];
    }
    ReadFloats(delta.down.type, delta.down.data, rank_ * columns, values.data());
    down_.resize(RoundedUp(columns, kColumns) * rank_);
    for (size_t r = 0; r < rank_; ++r) {
      for (size_t column = 0; column < columns; ++column) {
        down_[column / kColumns * kColumns * rank_ + r * kColumns + column % kColumns] = values[r * columns + column];
      }
    }
  }

  // Adds the tile at this row and column to `sums`, whose rows are `stride` apart.
  void Add(size_t row, size_t column, float* sums, size_t stride) const {
    const float* up = up_.data() + row * rank_;
    const float* down = down_.data() + column * rank_;
    float products[kRows][kColumns] = {};
    for (size_t r = 0; r < rank_; ++r, up += kRows, down += kColumns) {
      for (size_t i = 0; i < kRows; ++i) {
        for (size_t j = 0; j < kColumns; ++j) products[i][j] += up[i] * down[j];
      }
    }
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t j = 0; j < kColumns; ++j) sums[i * stride + column + j] += factor_ * products[i][j];
    }
  }

 private:
  // The rank, once the shapes are those of factors of such a weight.
  static size_t Check(const WeightDelta& delta, size_t rows, size_t columns, const std::string& network) {
    const auto& [factor, up, down] = delta;
    const auto size = [](const StoredTensor& tensor, size_t axis) {
      return axis < tensor.shape.size() ? static_cast<size_t>(tensor.shape[axis]) : 0;
    };
    const size_t rank = size(down, 0);
    const std::string product = "of a product of " + std::to_string(rows) + " x " + std::to_string(columns);
    if (rank == 0 || !Has(down, rank * columns)) Refuse("the second factor " + product + " numbers", down, network);
    if (size(up, 0) != rows || size(up, 1) != rank || !Has(up, rows * rank)) {
      Refuse("the first factor, of rank " + std::to_string(rank) + ", " + product + " numbers", up, network);
    }
    return rank;
  }

  // Whether it is this many floats, by its shape and by its bytes.
  static bool Has(const StoredTensor& tensor, size_t elements) {
    size_t count = 1;
    for (const int64_t size : tensor.shape) {
      if (size <= 0 || count > elements / static_cast<size_t>(size)) return false;
      count *= static_cast<size_t>(size);
    }
    return IsFloat(tensor.type) && count == elements && tensor.bytes == elements * Bytes(tensor.type);
  }

  float factor_;
  size_t rank_;
  std::vector<float> up_;    // [rows / kRows, rank, kRows]
  std::vector<float> down_;  // [columns / kColumns, rank, kColumns]
};

// Says why sums are not finite, unless the weight itself is at fault: the network that it is of will tell.
void Explain(const Weight& weight, DataType type, const std::string& network) {
  if (!AllFinite(weight.type, weight.data, weight.bytes)) return;
  for (const WeightDelta& delta : weight.deltas) {
    for (const StoredTensor& tensor : {delta.up, delta.down}) {
      if (AllFinite(tensor.type, tensor.data, tensor.bytes)) continue;
      throw Error(ErrorCode::kInvalidWeights,
                  "Expected finite numbers for the tensor " + tensor.name + " of " + tensor.file +
                      " but some are infinite or NaN.",
                  {.file = tensor.file, .network = network, .tensor = tensor.name});
    }
  }
  throw Error(ErrorCode::kInvalidWeights,
              "With what adapters add to it, the weight " + weight.name + " of the network " + network +
                  " has numbers that " + Name(type) + " can't hold: the scales of the adapters are too large.",
              {.network = network, .tensor = weight.name});
}

}  // namespace

void Fuse(const Weight& weight, DataType type, const std::string& network, std::byte* to) {
  const size_t count = weight.bytes / Bytes(weight.type);
  const size_t rows = weight.shape.empty() ? 1 : static_cast<size_t>(weight.shape[0]);
  if (count == 0) return;
  const size_t columns = count / rows;
  std::vector<Factors> adapters;
  for (const WeightDelta& delta : weight.deltas) adapters.emplace_back(delta, rows, columns, network);

  // What rounds to a finite number.
  const float most = type == DataType::kFloat16 ? std::nextafter(65520.0f, 0.0f) : std::numeric_limits<float>::max();
  const size_t stride = RoundedUp(columns, kColumns);
  std::vector<float> sums(kRows * stride);
  size_t beyond = 0;
  for (size_t row = 0; row < rows; row += kRows) {
    const size_t here = std::min(kRows, rows - row);
    for (size_t i = 0; i < here; ++i) {
      const size_t first = (row + i) * columns;
      ReadFloats(weight.type, weight.data + first * Bytes(weight.type), columns, sums.data() + i * stride);
    }
    for (const Factors& adapter : adapters) {
      for (size_t column = 0; column < columns; column += kColumns) adapter.Add(row, column, sums.data(), stride);
    }
    for (size_t i = 0; i < here; ++i) {
      const float* const from = sums.data() + i * stride;
      for (size_t j = 0; j < columns; ++j) beyond += std::abs(from[j]) <= most ? 0 : 1;
      const size_t first = (row + i) * columns;
      if (type == DataType::kFloat32) {
        std::memcpy(to + first * sizeof(float), from, columns * sizeof(float));
      } else {
        Half* const halves = reinterpret_cast<Half*>(to) + first;
        for (size_t j = 0; j < columns; ++j) halves[j] = ToHalf(from[j]);
      }
    }
  }
  if (beyond > 0) Explain(weight, type, network);
}

}  // namespace arc2face
