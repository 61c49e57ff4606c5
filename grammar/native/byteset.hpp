// A set of bytes: 256 bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace latticework {

struct ByteSet {
    std::array<uint64_t, 4> words{};

    static ByteSet full() { return ByteSet{{~0ULL, ~0ULL, ~0ULL, ~0ULL}}; }
    static ByteSet range(int low, int high) {
        ByteSet set;
        for (int byte = low; byte <= high; ++byte) set.insert(byte);
        return set;
    }
    static ByteSet single(int byte) { return range(byte, byte); }

    void insert(int byte) { words[byte >> 6] |= 1ULL << (byte & 63); }
    void erase(int byte) { words[byte >> 6] &= ~(1ULL << (byte & 63)); }
    bool contains(int byte) const { return (words[byte >> 6] >> (byte & 63)) & 1; }
    bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
    int count() const {
        return std::popcount(words[0]) + std::popcount(words[1]) + std::popcount(words[2]) + std::popcount(words[3]);
    }
    int first() const {  // the smallest member; the set must not be empty
        int word = 0;
        while (words[word] == 0) ++word;
        return word * 64 + std::countr_zero(words[word]);
    }
    bool intersects(const ByteSet& other) const { return !(*this & other).empty(); }

    friend ByteSet operator&(ByteSet a, const ByteSet& b) {
        for (int i = 0; i < 4; ++i) a.words[i] &= b.words[i];
        return a;
    }
    friend ByteSet operator|(ByteSet a, const ByteSet& b) {
        for (int i = 0; i < 4; ++i) a.words[i] |= b.words[i];
        return a;
    }
    ByteSet operator~() const {
        ByteSet out;
        for (int i = 0; i < 4; ++i) out.words[i] = ~words[i];
        return out;
    }
    bool operator==(const ByteSet&) const = default;

    template <typename Visit>
    void for_each(Visit visit) const {
        for (int i = 0; i < 4; ++i) {
            for (uint64_t rest = words[i]; rest != 0; rest &= rest - 1) visit(i * 64 + std::countr_zero(rest));
        }
    }
};

}  // namespace latticework
