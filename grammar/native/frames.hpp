// Positions in a grammar and the moves from each: the recursive transition network that the automaton walks.
//
// A position is a node and how far it has come: the index in a sequence; in a JSON object which names were written, in
// an array how many items. Positions are interned, so containers need no unrolling into rules: a state exists once it
// is visited. The moves of a position are computed once.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "intern.hpp"
#include "program.hpp"

namespace latticework {

using PosId = int32_t;

struct Move {
    static constexpr PosId kReturn = -1;  // as `next`: the node is complete after this move
    enum Kind : uint8_t { Pop, Read, Lex, Call } kind;
    int32_t what;             // Read: a lexer state; Lex: a terminal; Call: the position to start the child from
    PosId next;               // where to go on afterwards
    int32_t most_tokens = 0;  // Read: how many tokens may take part; 0: any number
    int32_t enough = 0;       // Read: as of the node
};

class Frames {
public:
    Frames(const Program& program, Lexer& lexer) : program_(program), lexer_(lexer) {}

    PosId start(NodeId node, int32_t depth = 0) { return intern({node, 0, kOpen, 0, 0, depth}); }
    std::span<const Move> moves(PosId pos);  // valid until the next call
    // Containers whose items or names must differ: whether one has just been opened, and whether one of the things to
    // compare has just been read.
    bool opens_different(PosId pos) const { return phase_of_different(pos) == kFirst; }
    int32_t choice_of_different(PosId pos) const;  // how many different things there are to choose from, at least
    bool ends_different(PosId pos) const;
    // A guard on top of a stack: the text that follows must not begin with one of these texts.
    PosId guard(ExprId texts) { return intern({kGuard, texts, kOpen, 0, 0, 0}); }
    bool is_guard(PosId pos) const { return positions_[pos].node == kGuard; }
    ExprId texts_of_guard(PosId pos) const { return positions_[pos].progress; }
    // In place of whatever a frame stands on: what is found above it holds for all of that.
    PosId bottom(int32_t index) { return intern({kBottom, index, kOpen, 0, 0, 0}); }
    size_t index_of_bottom(PosId pos) const { return static_cast<size_t>(positions_[pos].progress); }
    bool is_bottom(PosId pos) const { return positions_[pos].node == kBottom; }
    bool ends_scope(PosId pos) const;  // guards end here
    int32_t least(PosId pos) const;    // about so many bytes are missing of the node
    Move way_out(PosId pos);           // towards the end of the node, about the shortest; the program is weighed
    bool pops(PosId pos) const;        // the node may be complete without reading more
    bool reads_nothing(const Move& move) const {
        return move.kind == Move::Pop || (move.kind == Move::Read && lexer_.nullable(move.what)) ||
               (move.kind == Move::Call && pops(move.what));
    }
    size_t memory() const;
    size_t count() const { return positions_.size() - free_.size(); }

    // Forgets all moves, and every position that is not kept.
    void retain(const std::vector<bool>& keep);

private:
    // Phases of a container, in the low bits of Position::phase; the index of the current field above them.
    enum Phase : int32_t { kOpen, kFirst, kAfter, kComma, kField, kExtra, kItem };
    static constexpr int kPhaseBits = 3;
    static constexpr NodeId kGuard = -1, kBottom = -2;  // as `node`: no node

    struct Position {
        NodeId node;
        int32_t
            progress;  // Sequence: index; Array: items; Record: next field, or the set of those written; guard: texts
        int32_t phase;
        int32_t count;  // Record: properties written, where they are counted
        int32_t tally;  // Record: the demands met; Array: its counters
        int32_t depth;  // nesting of indented containers
        bool operator==(const Position&) const = default;
    };
    using Seen = std::vector<uint64_t>;

    static uint64_t hash_of(const Position& pos);
    static uint64_t hash_of(const Seen& seen);
    void retain_seen(const std::vector<bool>& keep);
    PosId intern(const Position& pos);
    int32_t intern_seen(Seen seen);
    bool is_seen(const Position& pos, size_t field) const;
    std::vector<Move> expand(const Position& pos);
    std::vector<Move> expand_sequence(const Position& pos, const Node& node);
    std::vector<Move> expand_record(const Position& pos, const RecordSpec& spec);
    std::vector<Move> expand_array(const Position& pos, const ArraySpec& spec);
    void add_child(std::vector<Move>& moves, NodeId child, int32_t depth, PosId next);
    void add_fields(std::vector<Move>& moves, const Position& pos, const RecordSpec& spec);
    void add_extras(std::vector<Move>& moves, const Position& pos, const RecordSpec& spec);
    Position after_field(const Position& pos, const RecordSpec& spec, int32_t field);
    Position after_extra(const Position& pos, const RecordSpec& spec) const;
    // With the alternatives that can still be completed.
    void add_place(std::vector<Move>& moves, const Place& place, const Position& next, const RecordSpec& spec);
    bool can_meet_demands(const Position& pos, const RecordSpec& spec) const;
    bool fits(const Place& place, const Position& next, const RecordSpec& spec) const;
    bool may_write(const Position& pos, const RecordSpec& spec, size_t field, int32_t missing);
    bool may_add_extra(const Position& pos, const RecordSpec& spec) const;
    bool may_close(const Position& pos, const RecordSpec& spec) const;
    bool may_go_on(const Position& pos, const RecordSpec& spec);
    int32_t missing_required(const Position& pos, const RecordSpec& spec) const;
    // The tally after an alternative of item `items`; -1 if no array could go on like this.
    int32_t count_item(const Position& pos, const ArraySpec& spec, uint32_t counts);
    bool may_add(const Position& pos, const ArraySpec& spec);
    int64_t weight_of(const Move& move);
    bool brings_item(const Position& pos, const Move& move, const ArraySpec& spec) const;
    bool brings_property(const Position& pos, const Move& move, const RecordSpec& spec) const;
    int32_t least_of_container(const Position& pos) const;
    int64_t least_of_items(const Position& pos, const ArraySpec& spec) const;
    int64_t least_of_properties(const Position& pos, const RecordSpec& spec) const;
    int32_t phase_of_different(PosId pos) const;
    int32_t inner_depth(const Layout& layout, int32_t depth) const;

    // White space and punctuation of a layout.
    ExprId space(const Layout& layout);
    ExprId lead(const Layout& layout, int32_t depth);
    ExprId open(const Layout& layout, const char* bracket);
    ExprId close(const Layout& layout, int32_t depth, const char* bracket, bool is_first);
    ExprId comma(const Layout& layout);
    ExprId colon(const Layout& layout);
    ExprId key(const Layout& layout, int32_t depth, ExprId name);
    ExprId key_of(const RecordSpec& spec, size_t field, std::vector<ExprId>& known, int32_t depth);

    const Program& program_;
    Lexer& lexer_;
    std::vector<Position> positions_;
    std::vector<std::vector<Move>> moves_;  // by position; empty: not computed yet
    std::vector<PosId> free_;
    HashIndex index_;
    std::vector<Seen> seen_;
    std::vector<int32_t> free_seen_;
    HashIndex seen_index_;
    std::map<std::array<int32_t, 2>, ExprId> leads_;                             // by (indent, depth)
    std::map<std::pair<const RecordSpec*, int32_t>, std::vector<ExprId>> keys_;  // by record and depth of its fields
    std::map<std::array<int32_t, 3>, bool> finishes_;  // by (array, items, tally), for arrays that count
    size_t bytes_ = 0;
};

}  // namespace latticework
