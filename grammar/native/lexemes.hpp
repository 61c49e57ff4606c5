// How the lexers of a grammar cut text: which texts of a terminal are taken for it, and what must not follow them.
//
// A lexer decides from left to right: at the beginning of a lexeme the best terminal that matches is taken, with its
// longest match (see `Lexer` in ir.py). The automaton reads a text in all ways at once, so a way that the lexer does
// not take has to end. Two things see to that. What another terminal matches within the lexeme is cut out of its texts.
// What would be matched beyond its end must not follow: that becomes a guard above what comes next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lexer.hpp"
#include "program.hpp"

namespace latticework {

class Lexemes {
public:
    // The caller of everything holds the lexer's mutex.
    Lexemes(const Program& program, Lexer& lexer, long most_pairs);

    // By terminal: whether its lexer always takes another one.
    std::vector<bool> unreadable();
    // To be called once the program is settled.
    void look_at_neighbours() { keeps_apart_ = check_apart(); }

    struct Reading {
        ExprId texts;
        ExprId longer;  // runs along with the lexeme: what it matches behind the end must not follow,
        ExprId tail;    // or this must not, whatever the text is; kNothing for none
    };
    // The ways to read a terminal where these candidates (ascending, of one lexer) can be read.
    using Readings = std::vector<Reading>;
    class Context {  // some candidates, and what is known about them
    public:
        std::vector<int32_t> candidates;
        std::unordered_map<int32_t, Readings> readings;
    };
    // What competes with the terminals that the grammar can read: these, or all of their lexer.
    Context& context(std::vector<int32_t> readable);
    const Readings& readings(Context& context, int32_t terminal);

    // What a guard leaves of an expression: nothing; texts that leave the guard open; some text that ends it.
    enum class Fate : uint8_t { Blocked, Open, Free };
    Fate fate(ExprId texts, ExprId guard);

    struct GuardBytes {
        ByteSet hit, open;  // the bytes that complete one of its texts, and those that lead on to one
    };
    const GuardBytes& bytes_of(ExprId guard);
    // What must not follow where a lexeme is complete and `longer` would match on; kNothing for nothing.
    ExprId guard_of(ExprId longer);
    ExprId beginning_with(ExprId texts, const ByteSet& bytes);
    // Whether behind every lexeme something can come, whatever its guard: a text then never has to be looked at as a
    // whole to know that it can be completed.
    bool keeps_apart() const { return keeps_apart_; }
    size_t memory() const { return bytes_; }

private:
    enum class Next : uint8_t { Follow, Leave, Stop };
    class Neighbours;
    ExprId without_empty(ExprId texts);
    template <typename Visit>
    void explore(ExprId a, ExprId b, Visit visit);
    bool has_common(ExprId a, ExprId b);
    bool is_embedded(const std::vector<int32_t>& candidates, int32_t terminal) const;
    Readings read_as(const std::vector<int32_t>& candidates, int32_t terminal, int32_t base);
    Reading with_tail(const Reading& reading);
    std::optional<ExprId> begun(ExprId texts, ExprId rival);
    std::vector<ExprId> tails(ExprId texts, ExprId longer, size_t most);
    bool can_be_followed(int32_t terminal, ExprId everything, const Neighbours& neighbours);
    bool check_apart();

    const Program& program_;
    Lexer& lexer_;
    long most_pairs_;
    std::vector<ExprId> texts_;  // by terminal: those of a shortest match only, where that counts
    std::map<std::vector<int32_t>, Context> contexts_;
    std::unordered_map<uint64_t, Fate> fates_;
    std::unordered_map<ExprId, GuardBytes> guard_bytes_;
    size_t bytes_ = 0;
    bool keeps_apart_ = true;
};

}  // namespace latticework
