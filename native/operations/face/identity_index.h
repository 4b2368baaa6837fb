// Many identities, and which of them is the nearest to another one. On the host.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "../../interrupt.h"

namespace arc2face {

// The similarity of a and b is a b / (|a| |b|), their cosine, in float64, with sums from the first number to the last.
// Products of float32 numbers are exact in float64, so it has the same bits on every machine, and so has what follows
// from it. At most 1.
class IdentityIndex {
 public:
  // The most similar one in the index, the first of several. An empty index has none.
  struct Nearest {
    double similarity = -std::numeric_limits<double>::infinity();
    size_t index = std::numeric_limits<size_t>::max();
  };

  // Vectors are [n, kEmbeddingSize], each of length 1, give or take 1e-5. Others throw kInvalidArgument, and nothing is
  // added.
  void Add(std::span<const float> vectors);

  // The nearest to each vector: compares with all of them, on all processors. Throws kCancelled.
  std::vector<Nearest> Find(std::span<const float> vectors, Interrupt& interrupt) const;

  // Adds one vector after another, but none that is more similar than `most_similar` to one in the index. Returns the
  // nearest to each before its turn; to one that is not added, another that is too similar. Throws kCancelled, before
  // anything is added.
  std::vector<Nearest> AddDistinct(std::span<const float> vectors, double most_similar, Interrupt& interrupt);

 private:
  struct Query;

  static std::vector<Query> QueriesOf(std::span<const float> vectors);
  void Append(const Query& query);
  // Compares with the rows of a block, those from `first_row` of the index on.
  void Compare(std::span<Query> queries, size_t block, size_t first_row) const;
  double Similarity(const Query& query, size_t row) const;

  std::vector<std::unique_ptr<float[]>> blocks_;
  std::vector<double> lengths_;
};

}  // namespace arc2face
