// What an automaton is about to read (`Item`), and how to find it above some positions whatever these stand on.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "frames.hpp"
#include "stacks.hpp"

namespace latticework {

// A text of `lex`, and then what the stacks say.
struct Item {
    ExprId lex;
    StackId stacks;
    ExprId longer = RegexSet::kNothing;  // what it matches behind the end of the lexeme must not follow
    ExprId guard = RegexSet::kNothing;   // the rest of the text must not begin with one of these
    auto operator<=>(const Item&) const = default;
    bool is_plain() const { return longer == RegexSet::kNothing && guard == RegexSet::kNothing; }
};

struct ClosurePlan {
    struct Root {
        PosId pos;
        ExprId guard;
        auto operator<=>(const Root&) const = default;
    };
    struct Step {    // fills the next slot
        PosId push;  // above the union of the slots; negative: just that
        std::vector<int32_t> from;
    };

    int32_t slots = 0;  // sets of stacks: the first are what the roots stand on
    std::vector<Step> steps;
    std::vector<Item> items;  // with slots for stacks
    bool opens_different = false, ends_different = false;
    int32_t choice = INT32_MAX;
    size_t memory() const {
        return sizeof(ClosurePlan) + steps.capacity() * (sizeof(Step) + 8) + items.capacity() * sizeof(Item);
    }
};

}  // namespace latticework
