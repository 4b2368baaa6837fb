// The table of a model's networks.
#include "networks.h"

#include <algorithm>

#include "../error.h"

namespace arc2face {

const NetworkSource* Find(const std::vector<NetworkSource>& sources, const NetworkRow& row) {
  const auto found = std::find_if(sources.begin(), sources.end(),
                                  [&](const NetworkSource& source) { return source.name == row.name; });
  return found == sources.end() ? nullptr : &*found;
}

bool Paints(const std::vector<NetworkSource>& sources) {
  return sources.empty() || std::any_of(sources.begin(), sources.end(), [](const NetworkSource& source) {
           return source.name != networks::kInception.name && source.name != networks::kLpips.name;
         });
}

void CheckComplete(const std::vector<NetworkSource>& sources) {
  if (!Paints(sources)) return;
  for (const NetworkRow& missing : kNetworks) {
    if (Find(sources, missing) != nullptr) continue;
    const bool begun = std::any_of(kNetworks.begin(), kNetworks.end(), [&](const NetworkRow& row) {
      return row.part == missing.part && Find(sources, row) != nullptr;
    });
    if (!begun && !IsNeeded(missing.part)) continue;
    throw Error(ErrorCode::kInvalidArgument, std::string("Expected the network ") + missing.name +
                                                 (begun ? " with the others of its part" : "") +
                                                 " for networks but received none.");
  }
  if (Find(sources, networks::kVaeDecoder) == nullptr && Find(sources, networks::kTinyDecoder) == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected the network vaeDecoder or tinyDecoder for networks but received none.");
  }
}

}  // namespace arc2face
