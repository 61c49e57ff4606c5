// A row of the bitmask: bit i of word w stands for token 32 * w + i.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace latticework {

using Bits = std::vector<uint32_t>;
using SharedBits = std::shared_ptr<const Bits>;

inline void set_bit(std::span<uint32_t> row, int32_t token) { row[token >> 5] |= 1u << (token & 31); }
inline void clear_bit(std::span<uint32_t> row, int32_t token) { row[token >> 5] &= ~(1u << (token & 31)); }
inline bool test_bit(std::span<const uint32_t> row, int32_t token) { return (row[token >> 5] >> (token & 31)) & 1; }

}  // namespace latticework
