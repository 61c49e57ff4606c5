// A grammar as the automaton reads it: nodes in a table, terminals as regex expressions of a lexer. Built once from the
// flat arrays that `lower.py` writes, then const.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lexer.hpp"

namespace latticework {

using NodeId = int32_t;

enum class NodeKind : uint8_t { Missing, Terminal, Sequence, Choice, Alias, Record, Array, Lexeme, Scope };

constexpr int32_t kFar = 1 << 28;

struct Node {
    NodeKind kind = NodeKind::Missing;
    bool productive = false;       // at least one text can be made of it
    bool nullable = false;         // the empty text is one
    int32_t least = kFar;          // once weighed: about so many bytes has its shortest text
    int64_t rank = 0;              // of nodes with equal `least`, one of a lower rank does not need the other
    int32_t most_tokens = 0;       // Terminal: how many tokens may take part in it; 0: any number
    int32_t enough = 0;            // where these count: bytes that complete it, wherever in it a token ends
    int32_t what = -1;             // Terminal: expression; Alias, Scope: node; others: index of the specification
    std::vector<NodeId> children;  // Sequence, Choice
};

struct TerminalSpec {  // what a lexer may take a piece of text for
    ExprId texts;
    ExprId undone;  // where the text goes on to one of these, a match is taken back
    ExprId begun;   // if any are: the texts in which a match has been seen after all that takes one back
    bool shortest;  // its shortest match counts
    bool ignored;   // the grammar can read it before and after every lexeme
    int32_t lexer;
    std::vector<int32_t> keyword_of;  // terminals
};

struct LexerSpec {
    bool contextual;
    int32_t begin, end;  // its terminals, the best first
};

struct Layout {
    enum Style : int32_t { Flexible, Compact, Indent };
    int32_t style = Flexible;
    int32_t max_whitespace = 0;
    int32_t indent = 0;
};

struct Alternative {
    NodeId node;
    uint32_t counts;  // a set of counters, or of demands
};
using Place = std::vector<Alternative>;  // what may fill a field or an item

struct FieldSpec {
    std::string_view text;  // the quoted name,
    ExprId key = -1;        // or if that is empty, an expression for it
    bool required;
    Place value;
};

struct ExtraSpec {
    ExprId name;  // the quoted names
    Place value;
};

struct RecordSpec {
    Layout layout;
    bool any_order = false;
    int32_t minimum = 0;
    int32_t maximum = -1;  // -1: unbounded
    bool different_names = false;
    int32_t demands = 0;  // each must be counted once
    std::vector<FieldSpec> fields;
    std::vector<ExtraSpec> extras;
    std::vector<int32_t> required_from;  // [i]: how many of fields[i..] are required
    bool counts() const { return minimum > 0 || maximum >= 0; }
    uint32_t all_demands() const { return (1u << demands) - 1; }

    // The fewest properties that meet the demands not yet `met` and complete the object; -1 if nothing does.
    // `is_open`: whether field i may still be written. `is_usable`: whether a node has texts.
    template <typename IsOpen, typename IsUsable>
    int64_t least_further(uint32_t met, IsOpen is_open, IsUsable is_usable) const;
};

struct CounterSpec {
    int32_t minimum, maximum;                                             // maximum -1: unbounded
    int32_t highest() const { return maximum >= 0 ? maximum : minimum; }  // where counting stops
};

struct ArraySpec {
    Layout layout;
    int32_t minimum = 0;
    int32_t maximum = -1;
    int32_t different = 0;  // so many different items are certain to exist; 0: items may be equal
    std::vector<CounterSpec> counters;
    std::vector<Place> prefix;
    Place rest;                                           // empty: no items beyond the prefix
    int32_t count(int32_t tally, uint32_t counts) const;  // the tally after an alternative; -1 where it counts too much
    bool is_content(int32_t tally) const;                 // every counter has its minimum
    bool can_finish(int32_t items, int32_t tally) const;  // some further items make it content
    // Beyond so many items their number makes no difference.
    int32_t most_items() const {
        return maximum >= 0 ? maximum : std::max(minimum, static_cast<int32_t>(prefix.size()));
    }
    const Place& item(int32_t index) const {
        return index < static_cast<int32_t>(prefix.size()) ? prefix[static_cast<size_t>(index)] : rest;
    }
};

class Program {
public:
    // The caller holds the lexer's mutex. Throws GrammarProblem, LimitReached.
    Program(Lexer& lexer, std::span<const int32_t> code, std::string_view text, long max_nodes);

    // Drops what has no text, given which terminals their lexers never take. Throws Unsatisfiable if nothing is left.
    void settle(const std::vector<bool>& unreadable);

    // Sets `least` of all nodes; the second time it does nothing. The caller holds the lexer's mutex.
    void weigh();
    int32_t least_of(const Place& place) const;
    NodeId lightest(std::span<const NodeId> nodes) const;

    const Node& node(NodeId id) const { return nodes_[id]; }
    const RecordSpec& record(int32_t index) const { return records_[index]; }
    const ArraySpec& array(int32_t index) const { return arrays_[index]; }
    const TerminalSpec& terminal(int32_t index) const { return terminals_[index]; }
    const std::vector<TerminalSpec>& terminals() const { return terminals_; }
    const LexerSpec& lexer(int32_t index) const { return lexers_[index]; }
    const std::vector<Node>& nodes() const { return nodes_; }
    bool counts_tokens() const { return counts_tokens_; }
    NodeId start() const { return start_; }
    size_t memory() const;
    int32_t shortest_key(const FieldSpec& field) const;

private:
    class Reader;

    void read_regex(Reader& in, int32_t op);
    void read_lexer(Reader& in);
    void read_node(Reader& in, int32_t op);
    size_t read_number(Reader& in) const;
    ExprId expression(size_t number);
    ExprId whole_expression(size_t number);
    void read_record(Reader& in);
    void read_array(Reader& in);
    static Place read_place(Reader& in, int32_t counters);
    void check_references() const;
    bool is_productive(const Node& node) const;
    bool is_productive(const Place& place) const;
    bool record_is_productive(const RecordSpec& spec) const;
    bool array_is_productive(const ArraySpec& spec) const;
    bool can_be_content(const ArraySpec& spec) const;
    void drop_barren(Place& place) const;
    std::vector<std::vector<NodeId>> users() const;
    bool is_nullable(const Node& node) const;
    int32_t least_of(const Node& node) const;
    int32_t least_of(const RecordSpec& spec) const;
    int32_t least_of(const ArraySpec& spec) const;
    template <typename Holds>
    void find(bool Node::* property, Holds holds);
    void prune();

    Lexer& lexer_;
    std::vector<ExprId> regexes_;             // negative: a text of which nobody has made use
    std::vector<std::string_view> literals_;  // by regex
    std::vector<Node> nodes_;
    std::vector<RecordSpec> records_;
    std::vector<ArraySpec> arrays_;
    std::vector<TerminalSpec> terminals_;
    std::vector<LexerSpec> lexers_;
    NodeId start_ = -1;
    bool is_weighed_ = false, counts_tokens_ = false;
    static constexpr int64_t kMostWeighed = 1000;  // properties that are asked for by number
};

template <typename IsOpen, typename IsUsable>
int64_t RecordSpec::least_further(uint32_t met, IsOpen is_open, IsUsable is_usable) const {
    constexpr int64_t kNever = INT64_MAX / 2;
    std::vector<int64_t> least(all_demands() + 1, kNever);  // by demands met: the fewest properties
    least[met] = 0;
    auto write = [&](const Place& place, std::vector<int64_t> after) {
        for (const Alternative& alternative : place) {
            if (!is_usable(alternative.node)) continue;
            for (uint32_t set = 0; set < least.size(); ++set) {
                if (least[set] == kNever) continue;
                int64_t& reached = after[set | alternative.counts];
                reached = std::min(reached, least[set] + 1);
            }
        }
        least = std::move(after);
    };
    for (size_t i = 0; i < fields.size(); ++i) {
        if (!is_open(i)) continue;
        write(fields[i].value, fields[i].required ? std::vector<int64_t>(least.size(), kNever) : least);
    }
    for (int32_t i = 0; i < demands; ++i) {
        for (const ExtraSpec& extra : extras) write(extra.value, least);
    }
    return least[all_demands()] < kNever ? least[all_demands()] : -1;
}

}  // namespace latticework
