// Derivatives of the regex algebra, for all bytes at once, memoised per expression.

#include <algorithm>
#include <unordered_map>

#include "regex.hpp"

namespace latticework {

std::span<const Edge> RegexSet::derivative(ExprId id) {
    if (derivatives_[id].begin < 0) {
        std::vector<Edge> edges = derive(id);
        derivatives_[id] = {static_cast<int32_t>(edges_.size()), static_cast<int32_t>(edges.size())};
        edges_.insert(edges_.end(), edges.begin(), edges.end());
    }
    return {edges_.data() + derivatives_[id].begin, static_cast<size_t>(derivatives_[id].count)};
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
    std::vector<std::vector<Edge>> both{std::move(first), edges_of(expr.b)};
    return combine(ExprKind::Or, both);
}

std::vector<Edge> RegexSet::derive_list(const Expr& expr) {
    std::vector<ExprId> parts(children(expr).begin(), children(expr).end());
    std::vector<std::vector<Edge>> edges;
    edges.reserve(parts.size());
    for (ExprId part : parts) edges.push_back(edges_of(part));
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

// Or: the union of the targets of each byte. And: their intersection, where every part has one. Bytes with the same
// list of targets share an edge.
std::vector<Edge> RegexSet::combine(ExprKind kind, std::span<const std::vector<Edge>> parts) {
    std::vector<std::vector<ExprId>> targets(256);
    for (const std::vector<Edge>& edges : parts) {
        for (const Edge& edge : edges) {
            sets_[edge.set].for_each([&](int byte) { targets[byte].push_back(edge.target); });
        }
    }
    struct Group {
        int representative;
        ByteSet set;
    };
    std::unordered_map<uint64_t, std::vector<Group>> groups;
    std::vector<std::pair<uint64_t, size_t>> order;
    for (int byte = 0; byte < 256; ++byte) {
        std::vector<ExprId>& list = targets[byte];
        if (list.empty() || (kind == ExprKind::And && list.size() < parts.size())) continue;
        uint64_t hash = list.size();
        for (ExprId target : list) hash = mix(hash, target);
        std::vector<Group>& bucket = groups[hash];
        auto same = std::ranges::find_if(bucket, [&](const Group& g) { return targets[g.representative] == list; });
        if (same == bucket.end()) {
            order.emplace_back(hash, bucket.size());
            same = bucket.insert(bucket.end(), Group{byte, {}});
        }
        same->set.insert(byte);
    }
    std::vector<Edge> out;
    for (auto [hash, at] : order) {
        const Group group = groups[hash][at];
        std::vector<ExprId> list = targets[group.representative];
        ExprId target = kind == ExprKind::Or ? any_of(std::move(list)) : all_of(std::move(list));
        add_edge(out, group.set, target);
    }
    return out;
}

}  // namespace latticework
