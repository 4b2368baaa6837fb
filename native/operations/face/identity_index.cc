// Exact search for the nearest identity: float32 rules most of them out, float64 decides between the others.
#include "identity_index.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <string>
#include <thread>

#include "../../error.h"
#include "../../vectorised.h"
#include "face.h"

namespace arc2face {

struct IdentityIndex::Query {
  const float* vector;
  double length;
  Nearest nearest;
};

namespace {

constexpr size_t kLength = static_cast<size_t>(kEmbeddingSize);
// Rows of a block lie side by side: the first number of each, the second of each, and so on.
constexpr size_t kBlockRows = 32;
// Queries that share each number loaded from a block.
constexpr size_t kGroup = 4;
// How far a product in float32 may be from the similarity. In any order of summation n terms are off by at most
// n 2^-24 |a| |b| (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1): 3.1e-5 for 512. Lengths
// add 2e-5.
constexpr double kMargin = 1e-4;
constexpr double kLengthTolerance = 1e-5;
// Blocks that a thread takes at a time: milliseconds of work with some hundred queries, then it looks for an interrupt.
constexpr size_t kBlocksAtATime = 32;

// Of each query with each row of a block.
using Products = std::array<float, kGroup * kBlockRows>;

// An array of sums for each query, not one for all: so compilers keep them in registers.
ARC2FACE_VECTORISED_WIDE
void Multiply(const float* block, const float* a, const float* b, const float* c, const float* d, float* products) {
  float sums_a[kBlockRows] = {}, sums_b[kBlockRows] = {}, sums_c[kBlockRows] = {}, sums_d[kBlockRows] = {};
  for (size_t k = 0; k < kLength; ++k) {
    const float* const numbers = block + k * kBlockRows;
    const float in_a = a[k], in_b = b[k], in_c = c[k], in_d = d[k];
    for (size_t row = 0; row < kBlockRows; ++row) {
      sums_a[row] += in_a * numbers[row];
      sums_b[row] += in_b * numbers[row];
      sums_c[row] += in_c * numbers[row];
      sums_d[row] += in_d * numbers[row];
    }
  }
  for (size_t row = 0; row < kBlockRows; ++row) {
    products[row] = sums_a[row];
    products[kBlockRows + row] = sums_b[row];
    products[2 * kBlockRows + row] = sums_c[row];
    products[3 * kBlockRows + row] = sums_d[row];
  }
}

double LengthOf(const float* vector) {
  double sum = 0;
  for (size_t k = 0; k < kLength; ++k) sum += static_cast<double>(vector[k]) * static_cast<double>(vector[k]);
  return std::sqrt(sum);
}

// Takes a result of another part of the index, so that it does not matter which part was first.
void Merge(IdentityIndex::Nearest& into, const IdentityIndex::Nearest& other) {
  const bool first_of_equals = other.similarity == into.similarity && other.index < into.index;
  if (other.similarity > into.similarity || first_of_equals) into = other;
}

}  // namespace

std::vector<IdentityIndex::Query> IdentityIndex::QueriesOf(std::span<const float> vectors) {
  if (vectors.size() % kLength != 0) {
    throw Error(ErrorCode::kInvalidArgument, "Expected " + std::to_string(kLength) +
                                                 " numbers for each vector but received " +
                                                 std::to_string(vectors.size()) + ".");
  }
  std::vector<Query> queries;
  for (size_t at = 0; at < vectors.size(); at += kLength) {
    const double length = LengthOf(vectors.data() + at);
    if (!(std::abs(length - 1) <= kLengthTolerance)) {  // NaN, too
      throw Error(ErrorCode::kInvalidArgument, "Expected vectors of length 1 but received one of length " +
                                                   std::to_string(length) + " at " + std::to_string(at / kLength) +
                                                   ".");
    }
    queries.push_back({.vector = vectors.data() + at, .length = length, .nearest = {}});
  }
  return queries;
}

void IdentityIndex::Add(std::span<const float> vectors) {
  for (const Query& query : QueriesOf(vectors)) Append(query);
}

void IdentityIndex::Append(const Query& query) {
  const size_t row = lengths_.size() % kBlockRows;
  if (row == 0 && blocks_.size() * kBlockRows == lengths_.size()) {
    blocks_.push_back(std::make_unique<float[]>(kLength * kBlockRows));
  }
  for (size_t k = 0; k < kLength; ++k) blocks_.back()[k * kBlockRows + row] = query.vector[k];
  lengths_.push_back(query.length);
}

std::vector<IdentityIndex::Nearest> IdentityIndex::Find(std::span<const float> vectors, Interrupt& interrupt) const {
  std::vector<Query> queries = QueriesOf(vectors);
  std::atomic<bool> stopped = false;
  const Interrupt::Scope scope(interrupt, [&] { stopped = true; });
  std::atomic<size_t> next_block = 0;
  const auto search = [&](std::vector<Query>& own) {
    for (size_t block; !stopped && (block = next_block.fetch_add(kBlocksAtATime)) < blocks_.size();) {
      const size_t end = std::min(block + kBlocksAtATime, blocks_.size());
      for (; block < end; ++block) Compare(own, block, 0);
    }
  };

  // As many threads as have something to do; this is one of them.
  const size_t pieces = (blocks_.size() + kBlocksAtATime - 1) / kBlocksAtATime;
  const size_t threads = std::min<size_t>(std::max(std::thread::hardware_concurrency(), 1u), pieces);
  std::vector<std::vector<Query>> others(threads > 1 ? threads - 1 : 0, queries);
  std::vector<std::thread> running;
  running.reserve(others.size());
  try {
    for (std::vector<Query>& own : others) running.emplace_back([&] { search(own); });
  } catch (const std::exception&) {
    // No thread or memory to be had: those that run do it all.
  }
  search(queries);
  for (std::thread& thread : running) thread.join();
  if (stopped) throw Error(ErrorCode::kCancelled, "The search was cancelled.");

  std::vector<Nearest> nearest;
  for (size_t i = 0; i < queries.size(); ++i) {
    for (const std::vector<Query>& own : others) Merge(queries[i].nearest, own[i].nearest);
    nearest.push_back(queries[i].nearest);
  }
  return nearest;
}

std::vector<IdentityIndex::Nearest> IdentityIndex::AddDistinct(std::span<const float> vectors, double most_similar,
                                                               Interrupt& interrupt) {
  std::vector<Nearest> nearest = Find(vectors, interrupt);
  std::vector<Query> queries = QueriesOf(vectors);
  const size_t before = lengths_.size();
  for (size_t i = 0; i < queries.size(); ++i) {
    if (nearest[i].similarity > most_similar) continue;
    for (size_t block = before / kBlockRows; block < blocks_.size(); ++block) Compare({&queries[i], 1}, block, before);
    Merge(nearest[i], queries[i].nearest);
    if (nearest[i].similarity <= most_similar) Append(queries[i]);
  }
  return nearest;
}

void IdentityIndex::Compare(std::span<Query> queries, size_t block, size_t first_row) const {
  Products products;
  const size_t begin = block * kBlockRows;
  const size_t first = first_row > begin ? first_row - begin : 0;
  const size_t end = std::min(kBlockRows, lengths_.size() - begin);
  for (size_t at = 0; at < queries.size(); at += kGroup) {
    const std::span<Query> group = queries.subspan(at, std::min(kGroup, queries.size() - at));
    const auto vector = [&](size_t i) { return group[std::min(i, group.size() - 1)].vector; };
    Multiply(blocks_[block].get(), vector(0), vector(1), vector(2), vector(3), products.data());
    for (size_t i = 0; i < group.size(); ++i) {
      Nearest& nearest = group[i].nearest;
      for (size_t row = first; row < end; ++row) {
        if (static_cast<double>(products[i * kBlockRows + row]) < nearest.similarity - kMargin) continue;
        Merge(nearest, {.similarity = Similarity(group[i], begin + row), .index = begin + row});
      }
    }
  }
}

double IdentityIndex::Similarity(const Query& query, size_t row) const {
  const float* const numbers = blocks_[row / kBlockRows].get() + row % kBlockRows;
  double sum = 0;
  for (size_t k = 0; k < kLength; ++k) {
    sum += static_cast<double>(query.vector[k]) * static_cast<double>(numbers[k * kBlockRows]);
  }
  return std::min(sum / (query.length * lengths_[row]), 1.0);  // which rounding may exceed
}

}  // namespace arc2face
