// What one lexer state says about a whole vocabulary, whatever grammar it stands in.
//
// Tokens that stay inside the lexeme are allowed at once. Tokens that leave it depend on what may follow: they are
// known by the trie nodes at which the lexeme was complete, from where the automaton goes on.
//
// Many states differ from a common one in few tokens: "a string of at most 80 characters" from "a string" in the tokens
// longer than 80 bytes, "a name that is none of these" in the tokens that begin those names. They are kept as the
// difference: `cleared` is forgotten of what the base says, the rest is added.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bits.hpp"
#include "lexer.hpp"
#include "vocabulary.hpp"

namespace latticework {

struct LexExit {
    const Trie* trie;
    int32_t node;  // the first node behind a place where the lexeme is complete
    uint8_t byte() const { return trie->byte(node); }
    bool operator==(const LexExit&) const = default;
};

// Places within tokens, by the byte of their node.
struct Places {
    std::vector<LexExit> exits;
    ByteSet bytes;
    std::span<const LexExit> by(uint8_t byte) const;
    void sort();
};
using SharedPlaces = std::shared_ptr<const Places>;

struct LexMask {
    std::shared_ptr<const LexMask> base;
    std::vector<TokenId> cleared;   // ascending; only with a base
    std::vector<SharedBits> bases;  // tokens that stay inside, as whole rows
    std::vector<TokenId> tokens;    // and one by one
    Places exits;                   // without those of the base
    ByteSet exit_bytes;             // their bytes, and those of the base
    // Inside a run of these first bytes the lexeme is complete too, without an exit for each place: whoever may go on
    // with one of them must not use this mask.
    ByteSet run_exits;
    bool usable = true;  // false: so many exits that a plain walk is better
    size_t memory() const;
};

// A state worth a mask of its own: it is in a loop (white space, digits) or goes on with many different bytes.
bool deserves_mask(Lexer& lexer, ExprId state);

// Computed once per lexer state. The caller holds the lexer's mutex.
std::shared_ptr<const LexMask> lex_mask(Lexer& lexer, Vocabulary& vocabulary, ExprId state);

// The same for the tokens below a node of the trie, at which the state is reached; as a list, and not remembered.
std::shared_ptr<const LexMask> lex_mask_below(Lexer& lexer, Vocabulary& vocabulary, ExprId state, int32_t node);

}  // namespace latticework
