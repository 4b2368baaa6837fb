// Scratch memory for engines.
#include "arena.h"

#include <algorithm>
#include <optional>
#include <set>

#include "../../error.h"

namespace arc2face::tensorrt {

void Arena::ExpectEngines(size_t bytes) {
  const std::lock_guard lock(mutex_);
  expected_ += bytes;
}

void Arena::OpensEngine(size_t bytes) {
  const std::lock_guard lock(mutex_);
  expected_ -= std::min(bytes, expected_);
}

void Arena::Announce(const Stream& stream, const std::string& network, std::span<const ProfileMemory> profiles) {
  const std::optional<size_t> known = device_.FreeBytes();
  if (!known || profiles.empty()) return;
  size_t free = *known, expected = 0, present = 0;
  {
    const std::lock_guard lock(mutex_);
    expected = expected_;
    free -= std::min(free, expected);
    if (const auto block = blocks_.find(&stream); block != blocks_.end()) present = block->second->size();
  }
  // For batches of up to this size.
  const auto needed = [&](size_t rows) {
    size_t scratch = 0, tensors = 0;
    for (const ProfileMemory& profile : profiles) {
      if (profile.rows > rows) continue;
      scratch = std::max(scratch, profile.scratch);
      tensors = std::max(tensors, profile.tensors);
    }
    return (scratch > present ? scratch : 0) + tensors;
  };
  std::set<size_t> sizes;
  for (const ProfileMemory& profile : profiles) sizes.insert(profile.rows);
  const size_t bytes = needed(*sizes.rbegin());
  if (notice_) notice_(network, bytes, free);
  if (bytes <= free) return;

  ErrorDetails details{.network = network, .device = device_.name(), .bytes = bytes, .free_bytes = free};
  for (const size_t rows : sizes) {
    if (needed(rows) <= free) details.batch_size = rows;
  }
  const std::string least = std::to_string(*sizes.begin()), most = std::to_string(*sizes.rbegin());
  const std::string batches = sizes.size() == 1    ? ""
                              : details.batch_size ? ", enough for " + std::to_string(*details.batch_size) + " rows"
                                                   : ", too little even for " + least + " rows";
  const std::string besides =
      expected == 0 ? "" : " besides " + std::to_string(expected) + " for the engines yet to be opened";
  throw Error(ErrorCode::kOutOfMemory,
              "The network " + network + " needs " + std::to_string(bytes) + " bytes of memory" +
                  (sizes.size() == 1 ? "" : " for batches of up to " + most + " rows") + ", but " + details.device +
                  " has " + std::to_string(free) + " free" + besides + batches + ".",
              std::move(details));
}

Arena::Block Arena::Reserve(const Stream& stream, size_t bytes) {
  const std::lock_guard lock(mutex_);
  Block& block = blocks_[&stream];
  if (block == nullptr || block->size() < bytes) {
    block = std::make_shared<const DeviceBuffer<std::byte>>(device_, bytes);
  }
  return block;
}

}  // namespace arc2face::tensorrt
