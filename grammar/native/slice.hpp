// Class slices: what a vocabulary looks like from inside a run of characters of one class.
//
// In a state that loops on a class of characters (the inside of a JSON string, an identifier) a token made of that
// class alone is allowed, and how many characters it has decides it where the run is counted. Those sets are computed
// once per vocabulary and class. Every other token is known by its run (how many characters of the class it begins
// with) and its remainder; the remainders form small tries.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bits.hpp"
#include "lexer.hpp"
#include "trie.hpp"

namespace latticework {

class ClassSlice {
public:
    ClassSlice(const std::vector<std::string>& tokens, const CharClass& chars, int words);

    int longest_run() const { return longest_run_; }

    // The tokens of 1 to `run` characters of the class, and of nothing else.
    SharedBits pure(int run);

    // The remainders of the tokens that begin with exactly `run` characters of the class. Run 0 holds only tokens that
    // begin with a byte above 127, where the class is wide; the walk of the main trie finds the others by its root.
    const Trie& remainders(int run);

    // All of them together, for a state that loops on itself.
    const Trie& all_remainders();

private:
    struct Token {
        TokenId token;
        int32_t run;
        int32_t length;  // bytes of the run
    };

    Trie build(int first, int last) const;

    const std::vector<std::string>& tokens_;
    int words_;
    int longest_run_ = 0;
    std::vector<Token> pure_, mixed_;  // by ascending run
    std::mutex mutex_;
    std::vector<SharedBits> pure_bits_;
    std::vector<std::unique_ptr<Trie>> tries_;
    std::unique_ptr<Trie> all_;
};

}  // namespace latticework
