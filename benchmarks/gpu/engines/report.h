// What a benchmark has found, as lines of JSON.
#pragma once

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

namespace arc2face::bench {

struct Result {
  std::string name;
  int64_t rows;  // of the batch; 0: has none
  std::string unit;
  std::vector<double> values;
};

inline void WriteText(std::ostream& out, const std::string& text) {
  out << '"';
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out << '\\';
    out << (static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter);
  }
  out << '"';
}

// A line of its own, at once: what comes next may take the process down.
inline void WriteResult(std::ostream& out, const Result& result) {
  out << "{\"name\":";
  WriteText(out, result.name);
  out << ",\"rows\":" << result.rows << ",\"unit\":";
  WriteText(out, result.unit);
  out << ",\"values\":[";
  for (size_t i = 0; i < result.values.size(); ++i) {
    out << (i == 0 ? "" : ",");
    // JSON has no other numbers.
    if (std::isfinite(result.values[i]))
      out << result.values[i];
    else
      out << "null";
  }
  out << "]}" << std::endl;
}

}  // namespace arc2face::bench
