#include "trie.hpp"

#include <algorithm>

#include "errors.hpp"

namespace latticework {

void Trie::add_node(uint8_t byte, int depth) {
    bytes_.push_back(byte);
    depths_.push_back(static_cast<uint16_t>(depth));
    ends_.push_back(0);
    commas_.push_back(0);
    token_begin_.push_back(static_cast<int32_t>(tokens_.size()));
    max_depth_ = std::max(max_depth_, depth);
}

// A comma was added at the end of a path.
void Trie::mark_comma(const std::vector<int32_t>& path) {
    uint8_t mark = kComma;
    for (size_t depth = path.size(); depth-- > 0;) {
        if (bytes_[path[depth]] == '"' && depth > 0) mark |= kQuotedComma;
        commas_[path[depth]] |= mark;
    }
}

Trie::Trie(std::vector<Entry> entries) {
    std::ranges::sort(entries);
    std::vector<int32_t> path{0};  // the node of each depth on the current path
    std::string_view previous;
    add_node(0, 0);
    for (const auto& [text, token] : entries) {
        if (text.size() > 60000) throw VocabularyProblem("a token is longer than 60,000 bytes");
        size_t common = 0;
        while (common < previous.size() && common < text.size() && previous[common] == text[common]) ++common;
        for (size_t depth = common + 1; depth < path.size(); ++depth) ends_[path[depth]] = size();
        path.resize(common + 1);
        for (size_t at = common; at < text.size(); ++at) {
            path.push_back(size());
            add_node(static_cast<uint8_t>(text[at]), static_cast<int>(at) + 1);
            if (text[at] == ',') mark_comma(path);
        }
        tokens_.push_back(token);
        previous = text;
    }
    for (int32_t node : path) ends_[node] = size();
    token_begin_.push_back(static_cast<int32_t>(tokens_.size()));
}

}  // namespace latticework
