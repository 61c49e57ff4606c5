// The token trie: byte strings laid flat in preorder, so that a walk is a loop and a dead subtree is one jump.
//
// Node i stands for the string that its path spells; its subtree is [i, end(i)), its parent is at depth(i) - 1 on the
// path. Several tokens may spell the same string, so a node has a list of tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace latticework {

using TokenId = int32_t;

class Trie {
public:
    using Entry = std::pair<std::string_view, TokenId>;

    Trie() = default;
    explicit Trie(std::vector<Entry> entries);  // sorts them; empty strings become tokens of the root

    int32_t size() const { return static_cast<int32_t>(bytes_.size()); }
    uint8_t byte(int32_t node) const { return bytes_[node]; }
    uint16_t depth(int32_t node) const { return depths_[node]; }  // the root has depth 0
    int32_t end(int32_t node) const { return ends_[node]; }
    int max_depth() const { return max_depth_; }
    int32_t child(int32_t node, uint8_t byte) const {  // -1: there is none
        int32_t child = node + 1, end = ends_[node];
        while (child < end && bytes_[child] != byte) child = ends_[child];
        return child < end ? child : -1;
    }
    // Whether a path into the subtree of a node, itself included, has a comma, and whether one has a comma behind a
    // quote.
    bool has_comma(int32_t node) const { return (commas_[node] & kComma) != 0; }
    bool has_quoted_comma(int32_t node) const { return (commas_[node] & kQuotedComma) != 0; }
    std::span<const TokenId> tokens(int32_t node) const {
        return {tokens_.data() + token_begin_[node], static_cast<size_t>(token_begin_[node + 1] - token_begin_[node])};
    }
    std::span<const TokenId> subtree_tokens(int32_t node) const {
        return {tokens_.data() + token_begin_[node],
                static_cast<size_t>(token_begin_[ends_[node]] - token_begin_[node])};
    }

private:
    static constexpr uint8_t kComma = 1, kQuotedComma = 2;

    void add_node(uint8_t byte, int depth);
    void mark_comma(const std::vector<int32_t>& path);

    std::vector<uint8_t> bytes_;
    std::vector<uint16_t> depths_;
    std::vector<int32_t> ends_;
    std::vector<uint8_t> commas_;
    std::vector<int32_t> token_begin_;  // size() + 1 entries
    std::vector<TokenId> tokens_;
    int max_depth_ = 0;
};

}  // namespace latticework
