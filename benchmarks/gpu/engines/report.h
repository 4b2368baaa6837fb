// What a benchmark has found, as JSON.
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

inline void WriteResults(std::ostream& out, const std::vector<Result>& results) {
  out << '[';
  for (size_t r = 0; r < results.size(); ++r) {
    const Result& result = results[r];
    out << (r == 0 ? "" : ",\n ") << "{\"name\":";
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
    out << "]}";
  }
  out << ']';
}

}  // namespace arc2face::bench
