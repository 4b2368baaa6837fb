#include "face_choice.h"

#include "../error.h"

namespace arc2face {

const Face& Choose(const std::vector<Face>& faces, const FaceChoice& choice, const std::string& photo) {
  const std::string found = "but found " + std::to_string(faces.size()) + ".";
  if (faces.empty()) throw Error(ErrorCode::kNoFace, "Found no face in " + photo + ".");
  if (choice.only && faces.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument, "Expected one face in " + photo + ", as face is \"only\", " + found);
  }
  if (choice.index >= faces.size()) {
    throw Error(ErrorCode::kNoFace, "Expected at least " + std::to_string(choice.index + size_t{1}) + " faces in " +
                                        photo + ", as face is " + std::to_string(choice.index) + ", " + found);
  }
  return faces[choice.index];
}

}  // namespace arc2face
