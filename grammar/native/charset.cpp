#include "charset.hpp"

#include <algorithm>
#include <array>

namespace latticework {
namespace {

struct ByteRange {
    uint8_t low, high;
    bool operator==(const ByteRange&) const = default;
};
using ByteRanges = std::vector<ByteRange>;  // one range per byte of the encoding

std::vector<uint8_t> encode(int32_t c) {
    auto tail = [&](int shift) { return static_cast<uint8_t>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) return {static_cast<uint8_t>(c)};
    if (c < 0x800) return {static_cast<uint8_t>(0xC0 | (c >> 6)), tail(0)};
    if (c < 0x10000) return {static_cast<uint8_t>(0xE0 | (c >> 12)), tail(6), tail(0)};
    return {static_cast<uint8_t>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

// Cuts [low, high] where the encoding changes length or where a trailing byte would not run from 80 to BF.
void split(int32_t low, int32_t high, std::vector<ByteRanges>& out) {
    constexpr std::array<int32_t, 3> kLast{0x7F, 0x7FF, 0xFFFF};
    while (low <= high) {
        int32_t end = high;
        for (int32_t last : kLast) {
            if (low <= last) {
                end = std::min(end, last);
                break;
            }
        }
        for (int shift = 6; shift <= 18 && low >= 0x80; shift += 6) {
            int32_t mask = (1 << shift) - 1;
            if ((low & ~mask) == (end & ~mask)) break;  // same leading bytes: nothing to align
            if ((low & mask) != 0) {
                end = std::min(end, low | mask);
                break;
            }
            if ((end & mask) != mask) end = (end & ~mask) - 1;
        }
        std::vector<uint8_t> from = encode(low), to = encode(end);
        ByteRanges ranges;
        for (size_t i = 0; i < from.size(); ++i) ranges.push_back({from[i], to[i]});
        out.push_back(std::move(ranges));
        low = end + 1;
    }
}

// Sequences come in ascending order, so those with the same first range stand together.
ExprId build(RegexSet& regex, std::span<const ByteRanges> sequences, size_t at) {
    std::vector<ExprId> branches;
    for (size_t i = 0; i < sequences.size();) {
        size_t j = i;
        while (j < sequences.size() && sequences[j][at] == sequences[i][at]) ++j;
        ExprId rest =
            sequences[i].size() == at + 1 ? RegexSet::kEmpty : build(regex, sequences.subspan(i, j - i), at + 1);
        ByteRange range = sequences[i][at];
        branches.push_back(regex.concat(regex.bytes(ByteSet::range(range.low, range.high)), rest));
        i = j;
    }
    return regex.any_of(std::move(branches));
}

void append_without_surrogates(CodePointRange range, std::vector<ByteRanges>& out) {
    split(range.first, std::min(range.second, 0xD7FF), out);
    split(std::max(range.first, 0xE000), range.second, out);
}

ByteSet hex_digits() { return ByteSet::range('0', '9') | ByteSet::range('a', 'f') | ByteSet::range('A', 'F'); }

ExprId hex_byte(RegexSet& regex, int value) {  // two hexadecimal digits, either case
    auto digit = [&](int nibble) {
        ByteSet set = ByteSet::single("0123456789abcdef"[nibble]);
        set.insert("0123456789ABCDEF"[nibble]);
        return regex.bytes(set);
    };
    return regex.concat(digit(value >> 4), digit(value & 15));
}

// What follows the backslash of the canonical escape of `c`.
ExprId escape(RegexSet& regex, int32_t c) {
    switch (c) {
        case '"': return regex.literal("\"");
        case '\\': return regex.literal("\\");
        case '\b': return regex.literal("b");
        case '\f': return regex.literal("f");
        case '\n': return regex.literal("n");
        case '\r': return regex.literal("r");
        case '\t': return regex.literal("t");
        default: return regex.literal("u00", hex_byte(regex, c));
    }
}

bool stands_for_itself(int32_t c) { return c >= 0x20 && c != '"' && c != '\\'; }

}  // namespace

ExprId charset(RegexSet& regex, std::span<const CodePointRange> ranges) {
    std::vector<ByteRanges> sequences;
    for (const CodePointRange& range : ranges) append_without_surrogates(range, sequences);
    return build(regex, sequences, 0);
}

ExprId json_charset(RegexSet& regex, std::span<const CodePointRange> ranges) {
    std::vector<CodePointRange> raw;
    std::vector<ExprId> escapes;
    for (auto [low, high] : ranges) {
        int32_t at = low;
        for (; at <= high && at <= '\\'; ++at) {
            if (stands_for_itself(at)) {
                raw.emplace_back(at, at);
            } else {
                escapes.push_back(escape(regex, at));
            }
        }
        if (at <= high) raw.emplace_back(at, high);
    }
    ExprId escaped = regex.literal("\\", regex.any_of(std::move(escapes)));
    return regex.any_of({charset(regex, raw), escaped});
}

ExprId json_any_char(RegexSet& regex) {
    constexpr std::array<CodePointRange, 3> kRaw{{{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}}};
    ByteSet short_escapes;
    for (char c : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) short_escapes.insert(c);
    ByteSet d = ByteSet::single('d') | ByteSet::single('D');
    ByteSet high = ByteSet::range('8', '9') | ByteSet::range('a', 'b') | ByteSet::range('A', 'B');
    ByteSet low = ByteSet::range('c', 'f') | ByteSet::range('C', 'F');
    ExprId hex = regex.bytes(hex_digits());
    ExprId two_hex = regex.concat(hex, hex);
    ExprId basic =
        regex.any_of({regex.concat(regex.bytes(hex_digits() & ~d), regex.concat(hex, two_hex)),
                      regex.concat(regex.bytes(d), regex.concat(regex.bytes(ByteSet::range('0', '7')), two_hex))});
    auto surrogate = [&](const ByteSet& second) {
        return regex.concat(regex.bytes(d), regex.concat(regex.bytes(second), two_hex));
    };
    ExprId pair = regex.concat(surrogate(high), regex.literal("\\u", surrogate(low)));
    ExprId escape_tail = regex.any_of({regex.bytes(short_escapes), regex.literal("u", regex.any_of({basic, pair}))});
    return regex.any_of({charset(regex, kRaw), regex.literal("\\", escape_tail)});
}

}  // namespace latticework
