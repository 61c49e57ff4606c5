// What a lexeme makes of places within tokens, whatever grammar it stands in.
//
// A token may end one lexeme and begin others. Which tokens a lexeme can be part of from some places on, and where
// within them it may be complete, depends on the places and on how it is read, not on what may follow: so that is found
// once, and shared by all states in which the lexeme may come there.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "lexemes.hpp"
#include "lexmask.hpp"
#include "vocabulary.hpp"

namespace latticework {

struct Reach {
    struct End {
        ExprId guard;  // what must not follow where the lexeme is complete; kNothing for nothing
        SharedPlaces places;
    };
    SharedBits bits;              // tokens that end within the lexeme or with it, where they are many,
    std::vector<TokenId> tokens;  // and where they are few
    std::vector<End> ends;        // where others may go on
    size_t memory() const;
    template <typename Visit>
    void visit(Visit visit) const {  // every token
        for (TokenId token : tokens) visit(token);
        for (size_t token = 0; bits != nullptr && token < bits->size() * 32; ++token) {
            if (test_bit(*bits, static_cast<TokenId>(token))) visit(static_cast<TokenId>(token));
        }
    }
};

class Reaches {
public:
    // `longer` and `guard` run along with the lexeme: what they match behind the end must not follow, and `guard` must
    // match nothing before. Nor may it go on with a byte that is one of the texts of `barred`.
    struct Reading {
        ExprId lex, longer, guard, barred;
        bool operator==(const Reading&) const = default;
    };

    Reaches(Lexer& lexer, Lexemes& lexemes, const Vocabulary& vocabulary)
        : lexer_(lexer), lexemes_(lexemes), vocabulary_(vocabulary) {}

    // The caller of everything holds the lexer's mutex.
    const std::shared_ptr<const Reach>& of(const SharedPlaces& from, const Reading& reading);
    const SharedPlaces& beginnings() { return below(vocabulary_.trie(), 0); }  // of all tokens
    const SharedPlaces& below(const Trie& trie, int32_t node);                 // behind a node
    size_t memory() const { return bytes_; }
    void clear();

private:
    class Walk;
    struct Key {
        const Places* from;
        Reading reading;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        size_t operator()(const Key& key) const {
            const Reading& reading = key.reading;
            uint64_t hash = mix(mix(reinterpret_cast<uintptr_t>(key.from), reading.lex), reading.longer);
            return mix(mix(hash, reading.guard), reading.barred);
        }
        size_t operator()(const LexExit& exit) const { return mix(reinterpret_cast<uintptr_t>(exit.trie), exit.node); }
    };
    struct Entry {
        SharedPlaces from;  // alive as long as its address is a key
        std::shared_ptr<const Reach> reach;
    };

    Lexer& lexer_;
    Lexemes& lexemes_;
    const Vocabulary& vocabulary_;
    std::unordered_map<Key, Entry, Hash> known_;
    std::unordered_map<LexExit, SharedPlaces, Hash> below_;
    size_t bytes_ = 0;
};

}  // namespace latticework
