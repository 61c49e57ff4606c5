// Derivatives of the regex algebra, for all bytes at once, memoised per expression.

#include <algorithm>

#include "errors.hpp"
#include "regex.hpp"

namespace latticework {

std::span<const Edge> RegexSet::derivative(ExprId id) {
    if (derivatives_[id].begin < 0) {
        count_work(1);
        std::vector<Edge> edges = derive(id);
        derivatives_[id] = {static_cast<int32_t>(edges_.size()), static_cast<int32_t>(edges.size())};
        edges_.insert(edges_.end(), edges.begin(), edges.end());
    }
    return {edges_.data() + derivatives_[id].begin, static_cast<size_t>(derivatives_[id].count)};
}

void RegexSet::count_work(size_t edges) {
    constexpr long kEdgesPerStep = 1000;
    work_ += static_cast<long>(edges);
    if (allowed_ > 0 && work_ > allowed_ * kEdgesPerStep) {
        throw LimitReached("derivative_steps", allowed_, "a regular expression of the grammar takes too much work");
    }
}

// A copy, because computing another derivative may move the pool.
std::vector<Edge> RegexSet::edges_of(ExprId id) {
    std::span<const Edge> edges = derivative(id);
    return {edges.begin(), edges.end()};
}

std::vector<Edge> RegexSet::derive(ExprId id) {
    const Expr expr = exprs_[id];
    switch (expr.kind) {
        case ExprKind::Nothing:
        case ExprKind::Empty: return {};
        case ExprKind::Bytes: return {Edge{expr.a, kEmpty}};
        case ExprKind::Concat: return derive_concat(expr);
        case ExprKind::Or:
        case ExprKind::And: return derive_list(expr);
        case ExprKind::Not: return derive_not(expr);
        case ExprKind::Repeat: return derive_repeat(expr);
        case ExprKind::Modulo: return derive_modulo(expr);
    }
    return {};
}

void RegexSet::add_edge(std::vector<Edge>& edges, const ByteSet& set, ExprId target) {
    if (target != kNothing && !set.empty()) edges.push_back({intern_set(set), target});
}

std::vector<Edge> RegexSet::derive_concat(const Expr& expr) {
    std::vector<Edge> first = edges_of(expr.a);
    for (Edge& edge : first) edge.target = concat(edge.target, expr.b);
    if (!exprs_[expr.a].nullable) return first;
    std::array<std::span<const Edge>, 2> both{first, derivative(expr.b)};
    return combine(ExprKind::Or, both);
}

std::vector<Edge> RegexSet::derive_list(const Expr& expr) {
    std::vector<ExprId> parts(children(expr).begin(), children(expr).end());
    for (ExprId part : parts) derivative(part);  // all of them first: each may move the pool
    std::vector<std::span<const Edge>> edges;
    edges.reserve(parts.size());
    for (ExprId part : parts) edges.push_back(derivative(part));
    return combine(expr.kind, edges);
}

std::vector<Edge> RegexSet::derive_not(const Expr& expr) {
    std::vector<Edge> out;
    ByteSet uncovered = ByteSet::full();
    for (const Edge& edge : edges_of(expr.a)) {
        uncovered = uncovered & ~sets_[edge.set];
        add_edge(out, ByteSet(sets_[edge.set]), complement(edge.target));
    }
    add_edge(out, uncovered, kAll);
    return out;
}

std::vector<Edge> RegexSet::derive_repeat(const Expr& expr) {
    int32_t minimum = std::max(expr.b - 1, 0);
    int32_t maximum = expr.c == kUnbounded ? kUnbounded : expr.c - 1;
    ExprId rest = repeat(expr.a, minimum, maximum);
    std::vector<Edge> edges = edges_of(expr.a);
    for (Edge& edge : edges) edge.target = concat(edge.target, rest);
    return edges;
}

std::vector<Edge> RegexSet::derive_modulo(const Expr& expr) {
    std::vector<Edge> edges;
    for (int digit = 0; digit < 10; ++digit) {
        int64_t value = (static_cast<int64_t>(expr.b) * 10 + digit) % expr.a;
        add_edge(edges, ByteSet::single('0' + digit), modulo(expr.a, expr.c, static_cast<int32_t>(value)));
    }
    return edges;
}

namespace {

// Splits `blocks`, which are disjoint, by one more set; what none of them covers becomes a new one.
void refine(std::vector<ByteSet>& blocks, ByteSet set) {
    size_t count = blocks.size();
    for (size_t i = 0; i < count && !set.empty(); ++i) {
        ByteSet both = blocks[i] & set;
        if (both.empty()) continue;
        set = set & ~both;
        if (both == blocks[i]) continue;
        blocks[i] = blocks[i] & ~both;
        blocks.push_back(both);
    }
    if (!set.empty()) blocks.push_back(set);
}

}  // namespace

// Or: the union of the targets of each byte. And: their intersection, where every part has one.
std::vector<Edge> RegexSet::combine(ExprKind kind, std::span<const std::span<const Edge>> parts) {
    constexpr size_t kMany = 64;
    std::vector<ByteSet> blocks;
    std::vector<int32_t> sets;  // each once: many parts have the same
    size_t work = 0;
    number_of_set_.resize(sets_.size(), -1);
    for (std::span<const Edge> edges : parts) {
        work += edges.size() * (blocks.size() + 1);
        for (const Edge& edge : edges) {
            if (number_of_set_[edge.set] >= 0) continue;
            number_of_set_[edge.set] = static_cast<int32_t>(sets.size());
            sets.push_back(edge.set);
            refine(blocks, sets_[edge.set]);
        }
    }
    std::vector<ByteSet> made_of(sets.size());  // the indices of its blocks, by set
    for (size_t block = 0; block < blocks.size(); ++block) {
        const int byte = blocks[block].first();
        for (size_t set = 0; set < sets.size(); ++set) {
            if (sets_[sets[set]].contains(byte)) made_of[set].insert(static_cast<int>(block));
        }
    }
    std::vector<std::vector<ExprId>> targets(blocks.size());
    for (std::vector<ExprId>& all : targets) all.reserve(std::min(parts.size(), kMany));
    for (std::span<const Edge> edges : parts) {
        for (const Edge& edge : edges) {
            made_of[static_cast<size_t>(number_of_set_[edge.set])].for_each(
                [&](int block) { targets[static_cast<size_t>(block)].push_back(edge.target); });
        }
    }
    for (int32_t set : sets) number_of_set_[set] = -1;
    count_work(work);
    std::vector<Edge> out;
    for (size_t block = 0; block < blocks.size(); ++block) {
        if (kind == ExprKind::And && targets[block].size() < parts.size()) continue;
        std::vector<ExprId>& all = targets[block];
        add_edge(out, blocks[block], kind == ExprKind::Or ? any_of(std::move(all)) : all_of(std::move(all)));
    }
    return out;
}

}  // namespace latticework
