// What an automaton is about to read (`Item`), and how to find it above a position whatever that stands on.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "frames.hpp"
#include "stacks.hpp"

namespace latticework {

// How many more tokens may take part in a terminal, as twice their number, and one more where the token that is being
// read is paid for. So of two of them the larger allows whatever the other does.
struct Allowance {
    static constexpr int32_t kUnlimited = INT32_MAX;
    int32_t halves = kUnlimited;
    int32_t enough = 0;  // bytes with which the terminal can be completed wherever in it a token ends
    auto operator<=>(const Allowance&) const = default;
    static Allowance of(const Move& move) {
        return move.most_tokens > 0 ? Allowance{2 * move.most_tokens, move.enough} : Allowance{};
    }
    bool is_limited() const { return halves != kUnlimited; }
    bool is_paid() const { return is_limited() && halves % 2 != 0; }
    int32_t tokens() const { return halves / 2; }  // further ones
    Allowance after_byte() const { return {is_limited() && !is_paid() ? halves - 1 : halves, enough}; }
    Allowance after_token() const { return {is_paid() ? halves - 1 : halves, enough}; }
};

// A text of `lex`, and then what the stacks say.
struct Item {
    ExprId lex;
    StackId stacks;
    ExprId longer = RegexSet::kNothing;  // what it matches behind the end of the lexeme must not follow
    ExprId guard = RegexSet::kNothing;   // the rest of the text must not begin with one of these
    Allowance allowance = {};
    auto operator<=>(const Item&) const = default;
    bool is_plain() const { return longer == RegexSet::kNothing && guard == RegexSet::kNothing; }
};

struct ClosurePlan {   // of one position
    struct Step {      // fills the next slot
        PosId push;    // above a slot; negative: a union of slots
        int32_t from;  // the slot; or which of the unions
    };
    struct Reader {  // of a terminal: what it is taken for depends on which others can be read
        int32_t terminal;
        int32_t after;  // a slot
        ExprId guard;
    };

    int32_t slots = 1;  // sets of stacks: the first is what the position stands on
    std::vector<Step> steps;
    std::vector<std::vector<int32_t>> unions;
    std::vector<Item> items;  // with slots for stacks
    std::vector<Reader> readers;
    bool opens_different = false, ends_different = false;
    int32_t choice = INT32_MAX;
    size_t memory() const {
        size_t bytes = sizeof(ClosurePlan) + steps.capacity() * sizeof(Step) + items.capacity() * sizeof(Item) +
                       readers.capacity() * sizeof(Reader);
        for (const std::vector<int32_t>& slots : unions) bytes += sizeof(slots) + slots.capacity() * sizeof(int32_t);
        return bytes;
    }
};

}  // namespace latticework
