// The lexer: a deterministic automaton over bytes whose states are regex expressions, built lazily by derivatives.
//
// One lexer serves every grammar of a vocabulary, so that the states of "any string" or "date-time" are shared and stay
// warm. Whoever calls it holds `mutex`; a grammar holds it while it computes something it has not seen before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "byteset.hpp"
#include "charset.hpp"
#include "regex.hpp"

namespace latticework {

struct LexMask;

// The characters that all lead from a state to one state: an ASCII set, and whether every other code point is in it
// too.
struct CharClass {
    ByteSet ascii;
    bool wide = false;
    bool operator==(const CharClass&) const = default;
    bool covers(const CharClass& other) const { return (other.ascii & ~ascii).empty() && (wide || !other.wide); }
    // The bytes that a character of the class begins with.
    ByteSet first_bytes() const { return wide ? ascii | ByteSet::range(0xC2, 0xF4) : ascii; }
};

struct Loop {
    ExprId target = RegexSet::kNothing;
    CharClass chars;
};

class Lexer {
public:
    RegexSet regex;
    std::mutex mutex;

    bool nonempty(ExprId state);
    bool nullable(ExprId state) const { return regex[state].nullable; }
    const ByteSet& alive(ExprId state) { return state_of(state).alive; }  // bytes after which something can match
    ExprId step(ExprId state, uint8_t byte) { return step(state_of(state), byte); }  // kNothing: nothing can match
    // More texts: what is counted near the top of the expression may come any number of times.
    ExprId without_counts(ExprId state);
    int32_t shortest(ExprId state);           // bytes of the shortest text; less where finding it takes too many states
    std::string shortest_text(ExprId state);  // the state must not be empty
    // Bytes that complete a text of which any number is read, at least one; kFar where that takes too many states to
    // tell.
    int32_t most_missing(ExprId state);
    const Loop& loop(ExprId state);  // the largest class of characters with one common target

    std::shared_ptr<const LexMask>& mask_slot(ExprId state) { return state_of(state).mask; }
    void count_bytes(size_t bytes) { mask_bytes_ += bytes; }
    size_t memory() const { return core_memory() + mask_bytes_; }
    void drop_masks();  // forget what can be computed again; expressions stay

    // What the grammar that holds the mutex may spend: steps of work, and bytes of expressions and states, of which it
    // has used some before.
    void allow(long steps, size_t bytes, size_t used) {
        derivative_steps_ = steps;
        byte_limit_ = bytes;
        grow_until_ = core_memory() + (bytes > used ? bytes - used : 0);
        regex.allow_work(steps);
    }
    size_t mask_memory() const { return mask_bytes_; }
    size_t core_memory() const {  // without masks, which can be dropped
        return regex.memory() + state_bytes_ + states_.capacity() * sizeof(void*) + life_.capacity() +
               (shortest_.size() + floors_.size() + most_missing_.size()) * 32;
    }

    struct State {
        bool nullable;
        ByteSet alive;
        std::vector<Edge> edges;  // without those into empty languages
        std::unique_ptr<std::array<ExprId, 256>> table;
        std::unique_ptr<Loop> loop;
        std::shared_ptr<const LexMask> mask;
    };

    // Known states are looked up once per node of a walk.
    State& state_of(ExprId id) {
        bool known = static_cast<size_t>(id) < states_.size() && states_[id] != nullptr;
        return known ? *states_[id] : make_state(id);
    }
    ExprId step(const State& state, uint8_t byte) const {
        if (state.table) return (*state.table)[byte];
        for (const Edge& edge : state.edges) {
            if (regex.byte_set(edge.set).contains(byte)) return edge.target;
        }
        return RegexSet::kNothing;
    }

private:
    State& make_state(ExprId id);
    bool whole_block_leads_to(ExprId state, ExprId target, std::array<uint8_t, 2> first, int more);
    bool wide_leads_to(ExprId state, ExprId target);

    enum class Life : uint8_t { Unknown, Alive, Dead, Open };
    struct Visit {
        ExprId expr;
        int32_t parent;  // the visit that it was reached from
    };

    int32_t floor(ExprId state);
    int32_t most_missing_by_form(ExprId state);
    std::optional<std::string> find_shortest(ExprId start, size_t most);
    bool has_empty_pair(ExprId id);
    bool is_empty_without_counts(ExprId id);
    static constexpr int kLevelsToCounts = 8;  // to look behind what is left of a character
    ExprId without_counts(ExprId id, int levels, std::unordered_map<uint64_t, ExprId>& known);
    bool search(ExprId start);
    bool explore(std::vector<Visit>& visits);
    void settle(const std::vector<Visit>& visits, int32_t last, Life others);

    std::vector<std::unique_ptr<State>> states_;  // by expression
    std::vector<Life> life_;                      // by expression
    std::unordered_map<ExprId, int32_t> shortest_, floors_, most_missing_;
    size_t state_bytes_ = 0, mask_bytes_ = 0;
    long derivative_steps_ = 200000;  // for deciding one emptiness
    size_t byte_limit_ = SIZE_MAX, grow_until_ = SIZE_MAX;
};

}  // namespace latticework
