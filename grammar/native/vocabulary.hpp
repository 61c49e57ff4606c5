// A vocabulary: token id -> bytes, the end tokens, the token trie, and what is computed once for it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bits.hpp"
#include "lexer.hpp"
#include "slice.hpp"
#include "trie.hpp"

namespace latticework {

class Vocabulary {
public:
    // An empty string is a token without text. `size` may exceed the number of tokens; -1 means that it does not.
    Vocabulary(std::vector<std::string> tokens, std::vector<TokenId> eos, long size);

    int size() const { return size_; }
    int words() const { return (size_ + 31) / 32; }
    const std::vector<TokenId>& eos() const { return eos_; }
    const std::string& token(TokenId id) const { return texts_[id]; }
    bool is_eos(TokenId id) const { return is_eos_[id]; }
    // What the caller gave for it; `token` is empty for end tokens.
    const std::string& given_bytes(TokenId id) const;
    const Trie& trie() const { return trie_; }

    // Every byte of UTF-8 is a token, so whatever text can be completed, tokens can complete it.
    bool spells_every_byte() const { return spells_every_byte_; }

    // The slice of a class of characters, or null while it is asked for too rarely to be worth building.
    ClassSlice* slice(const CharClass& chars);

    // The tokens of more than `length` bytes.
    const Trie& longer_than(int length);
    int longest() const { return longest_; }

    // The lexer that new grammars share. A lexer beyond its budget is left to the grammars that hold it.
    std::shared_ptr<Lexer> lexer(size_t budget);

private:
    struct SliceSlot {
        CharClass chars;
        int asked = 0;
        std::unique_ptr<ClassSlice> slice;
    };

    int size_;
    std::vector<std::string> texts_;  // size_ entries
    std::vector<std::pair<TokenId, std::string>> eos_bytes_;
    std::vector<TokenId> eos_;
    std::vector<bool> is_eos_;
    Trie trie_;
    bool spells_every_byte_ = false;
    std::mutex mutex_;
    std::vector<SliceSlot> slices_;
    int longest_ = 0;
    std::vector<std::vector<TokenId>> by_length_;
    std::vector<std::unique_ptr<Trie>> longer_than_;  // by length
    std::mutex lexer_mutex_;  // apart from `mutex_`: taken before a lexer's own mutex, the other one after it
    std::shared_ptr<Lexer> lexer_;
};

}  // namespace latticework
