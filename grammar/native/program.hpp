// A grammar as the automaton reads it: nodes in a table, terminals as regex expressions of a lexer. Built once from the
// flat arrays that `lower.py` writes, then const.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lexer.hpp"

namespace latticework {

using NodeId = int32_t;

enum class NodeKind : uint8_t { Missing, Terminal, Sequence, Choice, Alias, Record, Array };

struct Node {
    NodeKind kind = NodeKind::Missing;
    bool productive = false;       // at least one text can be made of it
    int32_t what = -1;             // Terminal: expression; Alias: node; Record, Array: index of the specification
    std::vector<NodeId> children;  // Sequence, Choice
};

struct Layout {
    enum Style : int32_t { Flexible, Compact, Indent };
    int32_t style = Flexible;
    int32_t max_whitespace = 0;
    int32_t indent = 0;
};

struct FieldSpec {
    ExprId key;  // the quoted name
    NodeId value;
    bool required;
};

struct ExtraSpec {
    ExprId name;  // the quoted names
    NodeId value;
};

struct RecordSpec {
    Layout layout;
    bool any_order = false;
    int32_t minimum = 0;
    int32_t maximum = -1;  // -1: unbounded
    std::vector<FieldSpec> fields;
    std::vector<ExtraSpec> extras;
    std::vector<int32_t> required_from;  // [i]: how many of fields[i..] are required
    bool counts() const { return minimum > 0 || maximum >= 0; }
};

struct ArraySpec {
    Layout layout;
    int32_t minimum = 0;
    int32_t maximum = -1;
    std::vector<NodeId> prefix;
    NodeId rest = -1;
};

class Program {
public:
    // The caller holds the lexer's mutex. Throws GrammarProblem, Unsatisfiable, LimitReached.
    Program(Lexer& lexer, std::span<const int32_t> code, std::string_view text, long max_nodes);

    const Node& node(NodeId id) const { return nodes_[id]; }
    const RecordSpec& record(int32_t index) const { return records_[index]; }
    const ArraySpec& array(int32_t index) const { return arrays_[index]; }
    NodeId start() const { return start_; }
    size_t memory() const;

private:
    class Reader;

    void read_regex(Reader& in, int32_t op);
    void read_node(Reader& in, int32_t op);
    ExprId read_expression(Reader& in) const;
    void read_record(Reader& in);
    void read_array(Reader& in);
    void check_references() const;
    bool is_productive(const Node& node) const;
    bool record_is_productive(const RecordSpec& spec) const;
    bool array_is_productive(const ArraySpec& spec) const;
    std::vector<std::vector<NodeId>> users() const;
    void find_productive();
    void prune();

    Lexer& lexer_;
    std::vector<ExprId> regexes_;
    std::vector<Node> nodes_;
    std::vector<RecordSpec> records_;
    std::vector<ArraySpec> arrays_;
    NodeId start_ = -1;
};

}  // namespace latticework
