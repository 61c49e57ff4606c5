// Classes of Unicode code points as regex expressions over UTF-8 bytes, plain or spelled inside a JSON string.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "regex.hpp"

namespace latticework {

using CodePointRange = std::pair<int32_t, int32_t>;  // inclusive

// One code point of `ranges` as UTF-8. Surrogates are left out.
ExprId charset(RegexSet& regex, std::span<const CodePointRange> ranges);

// One code point of `ranges` as it is canonically spelled inside a JSON string.
ExprId json_charset(RegexSet& regex, std::span<const CodePointRange> ranges);

// Any code point in any spelling that RFC 8259 allows inside a string; surrogate escapes only in pairs.
ExprId json_any_char(RegexSet& regex);

}  // namespace latticework
