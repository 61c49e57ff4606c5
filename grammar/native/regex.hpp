// The regex algebra: hash-consed expressions over bytes, and their derivatives.
//
// An expression denotes a set of byte strings. Equal expressions have equal ids, so an expression id is a state of a
// deterministic automaton: its transitions are the derivatives (Brzozowski 1964), computed for all bytes at once as
// a list of disjoint byte sets (a "transition regex" in the words of Stanford, Veanes and Bjorner 2021).
//
// Nothing here recurses over user-sized input: right-nested concatenations have derivative depth one, and `depth`
// bounds what does recurse.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "byteset.hpp"
#include "intern.hpp"

namespace latticework {

using ExprId = int32_t;

enum class ExprKind : uint8_t { Nothing, Empty, Bytes, Concat, Or, And, Not, Repeat, Modulo };

struct Expr {
    ExprKind kind;
    bool nullable;   // the empty string is in the language
    bool plain;      // no And and no Not below: the language is empty only for kNothing
    uint16_t depth;  // how deep a derivative recurses
    int32_t a;       // Bytes: set; Concat: first; Or, And: offset of children; Not, Repeat: inner; Modulo: modulus
    int32_t b;       // Concat: rest; Or, And: number of children; Repeat: minimum; Modulo: value so far
    int32_t c;       // Repeat: maximum, or kUnbounded; Modulo: remainder
};

struct Edge {
    int32_t set;  // a byte set
    ExprId target;
};

class RegexSet {
public:
    static constexpr ExprId kNothing = 0;  // the empty language
    static constexpr ExprId kEmpty = 1;    // the empty string
    static constexpr ExprId kAll = 2;      // every byte string
    static constexpr int32_t kUnbounded = -1;
    // Derivatives nest deeper than what they are taken of, so a grammar may bring less than is bearable.
    static constexpr int kMaxGivenDepth = 1000;
    static constexpr int kMaxDepth = 4000;

    RegexSet();

    ExprId bytes(const ByteSet& set);
    ExprId literal(std::string_view text, ExprId rest = kEmpty);
    ExprId concat(ExprId first, ExprId rest);
    ExprId concat_all(std::span<const ExprId> parts);
    ExprId any_of(std::vector<ExprId> parts);
    ExprId all_of(std::vector<ExprId> parts);
    ExprId complement(ExprId inner);
    ExprId repeat(ExprId inner, int32_t minimum, int32_t maximum);
    ExprId modulo(int32_t modulus, int32_t remainder, int32_t value = 0);  // digits; `value` was read before them
    ExprId texts(std::vector<std::string_view> texts);                     // one of these strings, as a trie

    // The transitions of `id`: disjoint sets; a byte in none of them leads to the empty language.
    std::span<const Edge> derivative(ExprId id);

    // From here on, derivatives may take this much work (edges looked at); beyond it they throw LimitReached.
    void allow_work(long steps) {
        allowed_ = steps;
        work_ = 0;
    }

    const Expr& operator[](ExprId id) const { return exprs_[id]; }
    std::vector<ExprId> parts(ExprId id) const {  // of a union or an intersection; of anything else, none
        const Expr& expr = exprs_[id];
        if (expr.kind != ExprKind::Or && expr.kind != ExprKind::And) return {};
        return {children(expr).begin(), children(expr).end()};
    }
    const ByteSet& byte_set(int32_t set) const { return sets_[set]; }
    int32_t size() const { return static_cast<int32_t>(exprs_.size()); }
    size_t memory() const;

private:
    struct EdgeRange {
        int32_t begin = -1;
        int32_t count = 0;
    };

    ExprId intern(Expr expr);
    void check_depth(int depth) const;
    void count_work(size_t edges);
    ExprId intern_list(ExprKind kind, std::span<const ExprId> children);
    int32_t intern_set(const ByteSet& set);
    std::span<const ExprId> children(const Expr& expr) const;
    void append_flat(ExprKind kind, ExprId part, std::vector<ExprId>& out) const;
    void merge_first_bytes(std::vector<ExprId>& parts);
    void merge_counters(std::vector<ExprId>& parts);
    ExprId texts_from(std::span<const std::string_view> sorted, size_t depth, int branchings);

    std::vector<Edge> derive(ExprId id);
    std::vector<Edge> derive_concat(const Expr& expr);
    std::vector<Edge> derive_list(const Expr& expr);
    std::vector<Edge> derive_not(const Expr& expr);
    std::vector<Edge> derive_repeat(const Expr& expr);
    std::vector<Edge> derive_modulo(const Expr& expr);
    std::vector<Edge> edges_of(ExprId id);
    std::vector<Edge> combine(ExprKind kind, std::span<const std::span<const Edge>> parts);
    void add_edge(std::vector<Edge>& edges, const ByteSet& set, ExprId target);

    std::vector<Expr> exprs_;
    std::vector<ExprId> lists_;
    std::vector<ByteSet> sets_;
    std::vector<EdgeRange> derivatives_;  // by expression
    std::vector<Edge> edges_;
    std::array<ExprId, 256> singles_{};   // of single bytes; kNothing: not made so far
    std::vector<int32_t> number_of_set_;  // scratch of `combine`
    HashIndex expr_index_, set_index_;
    long work_ = 0, allowed_ = 0;
};

}  // namespace latticework
