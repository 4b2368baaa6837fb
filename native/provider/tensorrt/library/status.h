// Errors: thrown as a Failure inside the library, a status and a message outside.
#pragma once

#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "../../../error.h"
#include "../abi.h"

namespace arc2face::engines {

class Failure : public std::runtime_error {
 public:
  // `text`: a sentence.
  Failure(Arc2FaceStatus status, const std::string& text) : std::runtime_error(text), status_(status) {}
  Arc2FaceStatus status() const noexcept { return status_; }

 private:
  Arc2FaceStatus status_;
};

// Cuts a long text between two characters of UTF-8.
inline void Write(Arc2FaceMessage* message, const char* text) noexcept {
  if (message == nullptr) return;
  size_t length = std::strlen(text);
  if (length >= sizeof message->text) {
    length = sizeof message->text - 1;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  }
  std::memcpy(message->text, text, length);
  message->text[length] = '\0';
}

// Runs the body of a function of the ABI, without letting exceptions out.
template <typename Body>
Arc2FaceStatus Guard(Arc2FaceMessage* message, const Body& body) noexcept {
  try {
    body();
    return ARC2FACE_OK;
  } catch (const Failure& failure) {
    Write(message, failure.what());
    return failure.status();
  } catch (const Error& error) {  // of OpenLibrarySymbol
    Write(message, error.what());
    return ARC2FACE_NO_LIBRARY;
  } catch (const std::bad_alloc&) {
    Write(message, "The host's memory is exhausted.");
    return ARC2FACE_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    Write(message, error.what());
    return ARC2FACE_FAILED;
  } catch (...) {
    Write(message, "Something unknown was thrown.");
    return ARC2FACE_FAILED;
  }
}

}  // namespace arc2face::engines
